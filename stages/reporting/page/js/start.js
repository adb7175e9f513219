// --- Wiring

document.getElementById("language").addEventListener("click", () => {
  speak(OTHER[root.lang].lang);
  memory.set("language", root.lang);  // what was chosen, not what the browser prefers today
});
theme.addEventListener("change", () => { memory.set("theme", theme.value); paint(); });
system.addEventListener("change", redraw);
for (const form of all("form")) form.addEventListener("submit", (event) => event.preventDefault());
cardsButton.addEventListener("click", () => {
  const open = !allOpen();
  for (const card of cards) card.open = open;
  nameCardsButton();
});
addEventListener("hashchange", arrive);

// What a link leads to comes to lie below the bar, whose rows depend on the width and the language.
const bar = document.querySelector(".bar");
function clearBar() {
  root.style.scrollPaddingTop = `${bar.offsetHeight + parseFloat(getComputedStyle(bar).top) + 10}px`;
}
new ResizeObserver(clearBar).observe(bar);

addEventListener("beforeprint", () => redrawForPrint(true));
addEventListener("afterprint", () => redrawForPrint(false));

theme.value = memory.get("theme") ?? "auto";
paint();
const remembered = memory.get("language") ?? navigator.language.slice(0, 2);
speak(remembered in OTHER ? remembered : "en");
addEventListener("DOMContentLoaded", () => {
  chartsIn(document);
  clearBar();
  const show = () => root.classList.remove("arriving");
  try { arrive(); } finally {
    if (document.querySelector("details[open] > .inside:empty")) insidesUnpacked.then(show, show); else show();
  }
  (window.requestIdleCallback ?? setTimeout)(loadVega);
});
