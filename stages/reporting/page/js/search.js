// --- Search and filters

const query = document.getElementById("query");
const searched = all("[data-search]").map((element) => [element, element.dataset.search.toLowerCase()]);
const words = (input) => input.value.toLowerCase().split(/\s+/).filter(Boolean);

function filter() {
  const wanted = words(query);
  const found = { cards: 0, studies: 0, index: 0 };
  for (const [element, text] of searched) {
    const board = element.closest(".board");
    const here = wanted.every((each) => text.includes(each))
      && (!board || words(board.querySelector(".filter-text")).every((each) => text.includes(each)))
      && (!board || ["", element.dataset.value].includes(board.querySelector(".filter-value").value));
    element.hidden = !here;
    if (here && element.dataset.of) found[element.dataset.of] += 1;
  }
  for (const board of all(".board")) {
    const rows = all("tbody tr", board);
    const shown = rows.filter((row) => !row.hidden).length;
    board.querySelector(".count").textContent = filled(word("page", "rows"), { shown, count: rows.length });
  }
  const nothing = !found.cards && !found.studies;
  document.getElementById("nothing").hidden = !nothing;
  document.getElementById("found").textContent = wanted.length ? [
    filled(word("page", "found_variants"), { shown: found.cards, count: all(".card").length }),
    filled(word("page", "found_questions"), { count: found.studies }),
  ].join(", ") : "";
}

// To the variant of that name, else to the first question or variant that is found.
function goToHit() {
  if (!words(query).length) return;
  const hits = all(".study, .card").filter((each) => !each.hidden);
  const named = `variant-${query.value.trim().toLowerCase()}`;
  const hit = hits.find((each) => each.id.toLowerCase() === named) ?? hits[0];
  if (!hit) return;
  const place = hit.matches(".card") ? hit : hit.querySelector("h3");
  history.pushState(null, "", `#${encodeURIComponent(place.id)}`);
  follow();
  (hit.querySelector("summary") ?? place).focus({ preventScroll: true });
}
