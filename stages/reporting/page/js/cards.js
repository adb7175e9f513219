// --- Cards and galleries, whose insides are made when they are opened, and deep links

const cards = all(".card");
const cardsButton = document.getElementById("all-cards");
const allOpen = () => cards.every((card) => card.open);
let insides = {};  // HTML by the id of the card, once it is unpacked
const insidesUnpacked = unpacked("insides").then((each) => each.json()).then((each) => { insides = each; fill(); });

function fill() {
  for (const inside of all("details[open] > .inside:empty")) {
    inside.innerHTML = insides[inside.parentElement.id] ?? "";
    translate(inside);
    chartsIn(inside);
    imagesIn(inside);
  }
}

// It is told of a card that opens before the browser paints the card.
new MutationObserver(fill).observe(document.getElementById("content"), { attributeFilter: ["open"], subtree: true });

function nameCardsButton() {
  cardsButton.textContent = word("page", allOpen() ? "close_all" : "open_all");
}

function follow() {
  const target = location.hash && document.getElementById(decoded(location.hash.slice(1).split("?")[0]));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
  if (target.parentElement.matches(".study")) target.parentElement.querySelector(".fold").open = true;
  target.scrollIntoView();
}

// --- What a card gives to copy

const COPIED = {
  link: (card) => new URL(`#${encodeURIComponent(card.id)}`, location.href).href,
  recipe: (card) => card.querySelector(".recipe").textContent,
  experiment: (card) => card.querySelector(".experiment").textContent,
};

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // a browser may forbid it
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await copy(COPIED[button.dataset.copy](button.closest(".card")));
  const said = button.parentElement.querySelector("output");
  said.textContent = word("page", "copied");
  setTimeout(() => { said.textContent = ""; }, 3000);
  button.focus();
});
