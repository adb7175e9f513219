// --- What is folded: on a phone all but the answers and their sentences, in print nothing

const folds = all(".fold");
const unfolded = new Set();  // for the print
const plain = new Map();  // headings without buttons: a table's head with a button is not repeated on each page

if (matchMedia("(max-width: 40rem)").matches) {
  for (const fold of folds) fold.open = false;
  if (location.hash) history.scrollRestoration = "manual";  // what was unfolded above is folded again
}

// Names of the columns beside the cells of a table whose rows are blocks on a phone.
function nameCells() {
  for (const table of all(".blocks")) {
    const names = [...table.tHead.rows[0].cells].map((heading) => heading.textContent.trim());
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, place) => { cell.dataset.label = names[place]; });
  }
}

function printAnswers() {
  root.dataset.print = "answers";
  print();
}

addEventListener("beforeprint", () => {
  for (const button of all(".sort")) {
    const words = document.createElement("span");
    words.className = "sort";
    words.append(...button.childNodes);
    button.replaceWith(words);
    plain.set(words, button);
  }
  if (root.dataset.print) return;
  for (const fold of all(":is(.fold, .more):not([open])")) {
    unfolded.add(fold);
    fold.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
  unfolded.clear();
  for (const [words, button] of plain) {
    button.append(...words.childNodes);
    words.replaceWith(button);
  }
  plain.clear();
  delete root.dataset.print;
});
document.getElementById("print-answers").addEventListener("click", printAnswers);
