// --- Wiring

document.getElementById("language").addEventListener("click", () => {
  speak(OTHER[root.lang].lang);
  memory.set("language", root.lang);  // what was chosen, not what the browser prefers today
});
theme.addEventListener("change", () => { memory.set("theme", theme.value); paint(); });
system.addEventListener("change", redraw);
query.addEventListener("input", filter);
for (const form of all("form")) form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("search").addEventListener("submit", goToHit);
for (const control of all(".filter-text, .filter-value")) control.addEventListener("input", filter);
for (const button of all(".sort")) button.addEventListener("click", () => sort(button.parentElement));
cardsButton.addEventListener("click", () => {
  const open = !allOpen();
  for (const card of cards) card.open = open;
  nameCardsButton();
});
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => redrawForPrint(true));
addEventListener("afterprint", () => redrawForPrint(false));

theme.value = memory.get("theme") ?? "auto";
paint();
const remembered = memory.get("language") ?? navigator.language.slice(0, 2);
speak(remembered in OTHER ? remembered : "en");
addEventListener("DOMContentLoaded", () => {
  for (const plot of plots) watcher.observe(plot);
  follow();
});
