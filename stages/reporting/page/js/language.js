// --- Language: every text holds the other one in data-ko, or data-ko-<attribute>.

const OTHER = { en: { lang: "ko", label: "한국어" }, ko: { lang: "en", label: "English" } };
const ATTRIBUTES = ["aria-label", "placeholder", "title", "alt"];

function translate(within) {
  const language = root.lang;
  for (const element of all("[data-ko]", within)) {
    element.dataset.en ??= element.textContent;
    element.textContent = element.dataset[language];
  }
  for (const name of ATTRIBUTES) {
    for (const element of all(`[data-ko-${name}]`, within)) {
      if (!element.hasAttribute(`data-en-${name}`)) element.setAttribute(`data-en-${name}`, element.getAttribute(name));
      element.setAttribute(name, element.getAttribute(`data-${language}-${name}`));
    }
  }
}

function speak(language) {
  root.lang = language;
  translate(document);
  document.title = word("page", "title");
  const other = OTHER[language];
  const button = document.getElementById("language");
  button.textContent = other.label;
  button.lang = other.lang;
  nameCardsButton();
  nameCells();
  tables.forEach(showTable);
  showHits();
  redraw();
}
