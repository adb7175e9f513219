// --- Search: a combobox with a list of what is found, as in the WAI-ARIA Authoring Practices.

const query = document.getElementById("query");
const hits = document.getElementById("hits");
const names = (titles) => titles.flatMap(Object.values).map((each) => each.toLowerCase());
// "EarlyStopping(restore_best_weights=True)" in lower case, and again with the words of its names apart.
const spelled = (text) => `${text}\n${text.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ")}`.toLowerCase();

const BETWEEN = new Set(["vs", "vs.", "versus", "against", "or"]);  // words between what is asked for
const WEIGHTS = { questions: 1.5, variants: 1, places: 0.6 };  // a question comes first where scores are near

function makeIndex() {
  const { variants, terms, questions, places } = data.search;
  const found = variants.map((name) => ({
    place: `variant-${encodeURIComponent(name)}`, titles: [data.titles[name]], note: name, terms: [],
    names: [name.toLowerCase(), ...names([data.titles[name]])],
  }));
  for (const [term, positions] of Object.entries(terms)) for (const each of positions) found[each].terms.push(term);
  for (const each of found) each.words = each.terms.map(spelled).join("\n");
  const entry = (each) => ({
    ...each, names: names(each.titles),
    words: [each.words.toLowerCase(), ...(each.variants ?? []).flatMap((member) => found[member].names)].join("\n"),
  });
  return { questions: questions.map(entry), places: places.map(entry), variants: found };
}
let index;  // made when first needed

// How well a text has a word: at the beginning of one of its own, or inside, which two letters do not count for.
function matcher(form) {
  const latin = /^[!-~]+$/.test(form);
  const begins = new RegExp(`(^|[^\\p{L}\\p{N}])${form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}`, "u");
  return (text) => (!text.includes(form) ? 0 : begins.test(text) ? 1 : latin && form.length < 3 ? 0 : 0.5);
}

// What is asked for: for each word or known phrase, matchers of it and of the words that stand for it.
function asked(text) {
  const { synonyms } = data.search;
  let rest = ` ${words(text).filter((each) => !BETWEEN.has(each)).join(" ")} `;
  const wanted = [];
  for (const forms of synonyms) {
    const phrase = forms.find((form) => form.includes(" ") && rest.includes(` ${form} `));
    if (phrase) wanted.push([phrase, ...forms]);
    if (phrase) rest = rest.replace(` ${phrase} `, " ");
  }
  for (const typed of words(rest)) {
    const long = typed.length >= (/^[!-~]+$/.test(typed) ? 4 : 2);
    const like = (form) => form === typed || (long && form.startsWith(typed));
    wanted.push([typed, ...synonyms.filter((forms) => forms.some(like)).flat()]);
  }
  return wanted.map((forms) => forms.map(matcher));
}

function score(entry, wanted, text) {
  const name = entry.names.join("\n");
  let sum = entry.names.includes(text) ? 10 : entry.names.some((each) => each.startsWith(text)) ? 1 : 0;
  for (const [own, ...others] of wanted) {
    const worth = (match) => Math.max(2 * match(name), match(entry.words));
    const best = Math.max(worth(own), ...others.map((match) => 0.25 * worth(match)));
    if (!best) return 0;
    sum += best;
  }
  return sum;
}

// Groups of what is found, [[group, entries]], the best first.
function find(text) {
  index ??= makeIndex();
  const wanted = asked(text), whole = text.trim().toLowerCase();
  const groups = Object.entries(index).map(([group, entries]) => {
    const scored = entries.map((entry) => [WEIGHTS[group] * score(entry, wanted, whole), entry]).filter(([worth]) => worth);
    return [group, scored.sort(([one], [other]) => other - one)];
  }).filter(([, scored]) => scored.length);
  groups.sort(([, [[one]]], [, [[other]]]) => other - one);
  return groups.map(([group, scored]) => [group, scored.map(([, entry]) => ({ ...entry, note: reason(entry, wanted) }))]);
}

// The text beside a title: of a variant that is found by its recipe, the term of it.
function reason(entry, wanted) {
  const name = entry.names.join("\n");
  const unnamed = wanted.find((forms) => !forms.some((match) => match(name)));
  const by = unnamed?.map((match) => entry.terms?.find((term) => match(spelled(term)))).find(Boolean);
  return by ?? entry.note?.[root.lang] ?? entry.note ?? "";
}

function showHits() {
  const found = query.matches(":focus") && words(query.value).length ? find(query.value) : [];
  const count = found.reduce((sum, [, entries]) => sum + entries.length, 0);
  let number = 0;
  hits.replaceChildren(...found.map(([group, entries]) => element(
    "div", { role: "group", "aria-labelledby": `hits-${group}` },
    element("div", { id: `hits-${group}`, role: "presentation", className: "group" }, `${word("page", group)} (${entries.length})`),
    ...entries.map(({ place, titles: [title], note }) => element(
      "div", { role: "option", id: `hit-${number++}`, "data-place": place, "aria-selected": false },
      title[root.lang], ...(note && note !== title[root.lang] ? [" ", element("small", {}, note)] : []),
    )),
  )));
  document.getElementById("found").textContent = !query.matches(":focus") || !words(query.value).length ? ""
    : filled(word("page", count ? "found" : "nothing_found"), { count, query: query.value.trim() });
  hits.hidden = !count;
  query.ariaExpanded = count > 0;
  query.removeAttribute("aria-activedescendant");
}

function closeHits() {
  hits.replaceChildren();
  hits.hidden = true;
  document.getElementById("found").textContent = "";
  query.ariaExpanded = false;
  query.removeAttribute("aria-activedescendant");
}

const chosenHit = () => document.getElementById(query.getAttribute("aria-activedescendant") ?? "");

function choose(step) {
  if (hits.hidden) showHits();
  const options = all("[role=option]", hits);
  if (!options.length) return;
  const at = options.indexOf(chosenHit());
  const next = options[at < 0 && step < 0 ? options.length - 1 : (at + step + options.length) % options.length];
  chosenHit()?.setAttribute("aria-selected", false);
  next.setAttribute("aria-selected", true);
  query.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

// To a place that is found, and with the keyboard's focus into it.
function goTo(hit) {
  if (!hit) return;
  closeHits();
  history.pushState(null, "", `#${hit.dataset.place}`);
  arrive();
  const place = document.getElementById(decoded(hit.dataset.place.split("?")[0]));
  const inside = place.querySelector("summary") ?? place;
  if (inside.tabIndex < 0) inside.tabIndex = -1;
  inside.focus({ preventScroll: true });
}

query.addEventListener("input", showHits);
query.addEventListener("focus", showHits);
query.addEventListener("blur", closeHits);
query.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) choose(step);
  else if (event.key === "Escape" && document.getElementById("found").textContent) closeHits();
  else return;
  event.preventDefault();
});
hits.addEventListener("mousedown", (event) => event.preventDefault());  // the box keeps the focus
hits.addEventListener("click", (event) => goTo(event.target.closest("[role=option]")));
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  goTo(chosenHit() ?? hits.querySelector("[role=option]"));
});
