// --- Cards and deep links

const cards = all(".card");
const cardsButton = document.getElementById("all-cards");
const allOpen = () => cards.every((card) => card.open);

function nameCardsButton() {
  cardsButton.textContent = word("page", allOpen() ? "close_all" : "open_all");
}

function follow() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.closest("[hidden]")) {
    query.value = "";
    filter();
  }
  if (target.matches(".card")) target.open = true;
  target.scrollIntoView();
}
