// --- Any variants beside each other: #compare=a,b

const COMPARE = "#compare=";
const MOST = 4;
const comparison = document.getElementById("comparison");
const comparing = all("#compare-form select");
let compareData;

// A table in a place that scrolls. Roles are said, since blocks, which its rows are on a phone, have none. classes: of the cells of a row.
function tableOf(head, rows, label, className = "", classes = []) {
  const made = (tag, role, ...children) => element(tag, { role }, ...children);
  const cells = ([first, ...rest]) => [made("th", "rowheader", first), ...rest.map((each, place) => element("td", { role: "cell", className: classes[place] ?? "" }, each))];
  const table = made("table", "table", made("thead", "rowgroup", made("tr", "row", ...head.map((each) => made("th", "columnheader", each)))),
    made("tbody", "rowgroup", ...rows.map((row) => made("tr", "row", ...cells(row)))));
  table.className = className;
  return element("div", { className: "scroll", role: "region", tabIndex: 0, ariaLabel: label }, table);
}
const swatchOf = (name) => {
  const swatch = element("i", { className: "swatch" });
  swatch.style.setProperty("--swatch", data.colors[name]);
  return swatch;
};
const cardLink = (name) => element("a", { className: "variant", href: `#variant-${encodeURIComponent(name)}` }, swatchOf(name), titled(name));
const headingOf = (key) => element("h3", { textContent: word("page", key) });
const [grouped, fixed] = [(value) => value.toLocaleString("en"), (value) => value.toFixed(4)];
const PREFIXES = [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]];
const abbreviated = (value) => {
  const [prefix, size] = PREFIXES.find(([, each]) => value >= each) ?? ["", 1];
  return `${(value / size).toPrecision(3)} ${prefix}`;
};
const signedNumber = (value, digits) => {
  const size = Math.abs(value).toFixed(digits);
  return `${Number(size) === 0 ? "" : value < 0 ? "−" : "+"}${size}`;
};

// The variants that the address names: of one data set, each once.
function comparedNames() {
  if (!location.hash.startsWith(COMPARE)) return [];
  return [...new Set(location.hash.slice(COMPARE.length).split(",").map(decoded).filter(Boolean))].slice(0, MOST);
}

function fillSelects() {
  const groups = Object.groupBy(Object.keys(data.board), (name) => data.board[name].dataset);
  for (const [place, select] of comparing.entries()) {
    select.append(element("option", { value: "", textContent: "–" }), ...Object.entries(groups).map(([dataset, names]) => element(
      "optgroup", { label: dataset },
      ...names.sort((one, other) => titled(one).localeCompare(titled(other), root.lang)).map((name) => spoken(element("option", { value: name }), titlesOf(name))),
    )));
    select.value = comparedNames()[place] ?? "";
    select.addEventListener("change", () => {
      const names = [...new Set(comparing.map((each) => each.value).filter(Boolean))];
      const address = COMPARE + names.map(encodeURIComponent).join(",");
      if (names.length > 1) location.hash = address;
      else {  // nothing to go to
        history.pushState(null, "", address);
        compareNow();
      }
    });
  }
}

// The difference of the first of two variants less the second, whatever their order in the data.
function pairOf(one, other) {
  const pairs = compareData.pairs[data.board[one].dataset];
  const [first, second] = [one, other].map((name) => pairs.variants.indexOf(name));
  if (first < 0 || second < 0) return null;
  const [low, high] = [Math.min(first, second), Math.max(first, second)];
  const place = low * pairs.variants.length - (low * (low + 1)) / 2 + high - low - 1;
  const at = (key) => pairs[key][place];
  if (at("difference") === null) return null;
  const [turned, verdict] = [first > second, compareData.verdicts[at("verdict")]];
  const opposite = { better: "worse", worse: "better" };
  return {
    difference: turned ? -at("difference") : at("difference"), low: turned ? negative(at("high")) : at("low"), high: turned ? negative(at("low")) : at("high"),
    better: at(turned ? "worse" : "better"), worse: at(turned ? "better" : "worse"), seeds: at("seeds"), study: at("study"),
    verdict: turned ? opposite[verdict] ?? verdict : verdict,
  };
}
const negative = (value) => (value === null ? null : -value);

function differenceRow(name, baseline) {
  const { points, less } = data.sets[data.board[name].dataset];
  const found = pairOf(name, baseline);
  const row = [element("span", {}, cardLink(name), ` ${word("page", "against")} `, cardLink(baseline))];
  if (!found) return [...row, "–", "–", word("verdicts", "not measured")];
  const digits = points ? 2 : 4;
  const interval = found.low === null ? "–" : filled(word("table", "range"), { low: signedNumber(found.low, digits), high: signedNumber(found.high, digits) });
  const seeds = found.seeds > 1 ? filled(word("page", "better_in"), { better: found.better, worse: found.worse, seeds: found.seeds }) : word("page", "one_seed_only");
  const why = found.study ? element("a", { href: `#study-${encodeURIComponent(found.study)}`, textContent: word("page", "of_study") })
    : found.seeds > 1 ? word("page", "chance_of_seeds") : word("page", "chance_of_rows");
  const amount = element("span", {}, points ? filled(word("effects", "points"), { count: signedNumber(found.difference, digits) }) : signedNumber(found.difference, digits), element("small", { className: "line", textContent: interval }));
  const good = { better: "yes", worse: "no" }[found.verdict] ?? "neutral";
  return [...row, amount, element("span", {}, seeds, element("small", { className: "line" }, why)), element("span", { className: `badge ${good}`, textContent: word("verdicts", found.verdict) })];
}

function factsOf(names) {
  const { name } = data.sets[data.board[names[0]].dataset];
  const of = (key, format) => ({ [key]: value }) => (value === null ? "–" : format(value));
  const interval = ({ low, high }) => (low === null ? "–" : filled(word("table", "range"), { low: fixed(low), high: fixed(high) }));
  const lines = [
    [`${word("parts", "test")}: ${name[root.lang]}`, of("value", fixed)], [word("page", "interval"), interval],
    [word("table", "parameters"), of("parameters", grouped)], [word("table", "epochs"), of("epochs", grouped)],
    [word("page", "multiply_adds"), of("multiply_adds", abbreviated)],
    [word("metrics", "near_zero_weights"), of("near_zero_weights", (share) => `${(100 * share).toFixed(1)} %`)],
  ];
  return tableOf([word("table", "variant"), ...names.map(cardLink)], lines.map(([title, shown]) => [title, ...names.map((each) => shown(data.board[each]))]), word("page", "facts"));
}

// A place in a recipe, which may be broken after each dot and underscore.
const breakable = (place) => element("code", {}, ...place.split(/(?<=[._])/).flatMap((part) => [part, element("wbr")]));

function recipeRows(names) {
  const recipes = names.map((name) => compareData.recipes[name] ?? {});
  const places = [...new Set(recipes.flatMap(Object.keys))].filter((place) => new Set(recipes.map((each) => each[place])).size > 1);
  return places.sort().map((place) => [breakable(place), ...recipes.map((each) => element("code", { textContent: each[place] ?? "–" }))]);
}

function chartOf(spec, label) {
  const plot = element("div", { className: "plot", role: "img", ariaLabel: label });
  const chart = element("figure", { className: "chart" }, plot);
  chart.dataset.chart = JSON.stringify(spec);
  return chart;
}

function curveCharts(names) {
  const sameLoss = new Set(names.map((name) => compareData.losses[name])).size === 1;
  const metrics = [...new Set(names.flatMap((name) => Object.keys(data.curves[name] ?? {})))].filter((metric) => (
    metric === "learning_rate" ? names.some((name) => new Set(data.curves[name]?.[metric]?.[""].mean).size > 1) : metric !== "loss" || sameLoss));
  const charts = metrics.map((metric) => {
    const having = names.filter((name) => data.curves[name]?.[metric]);
    const { name, unbounded } = data.axes[data.board[names[0]].dataset][metric];
    const [low, high] = extent(finite(having.flatMap((each) => Object.values(data.curves[each][metric]).flatMap(({ mean }) => mean))));
    const logarithmic = unbounded && low > 0 && high > 10 * low;
    return chartOf({ kind: "curves", variants: having, metric, axis: name, logarithmic }, `${name[root.lang]}: ${having.map(titled).join(", ")}`);
  });
  const place = element("div", { className: "charts" }, ...charts);
  place.style.setProperty("--columns", 2);
  return charts.length ? [headingOf("curves"), place, element("p", { className: "key", textContent: word("page", "curves_legend") })] : [];
}

function confusionCharts([first, ...others]) {
  const having = data.confusion[first] ? others.filter((name) => data.confusion[name]) : [];
  if (!having.length) return [];
  const charts = having.map((name) => {
    const label = filled(word("page", "confusions_of"), { variant: titled(name), baseline: titled(first) });
    const chart = chartOf({ kind: "confusions", variants: [first, name] }, label);
    chart.prepend(element("figcaption", { textContent: label }));
    return chart;
  });
  const place = element("div", { className: "charts" }, ...charts);
  place.style.setProperty("--columns", 2);
  return [headingOf("confusions"), place, element("p", { className: "key", textContent: word("page", "confusions_key") })];
}

async function disagreements(names) {
  const dataset = inSample(names[0]);
  if (!dataset || names.some((name) => inSample(name) !== dataset)) return [];
  const sample = await sampleOf(dataset);
  const predicted = (name, row) => sample.predicted[name][row];
  const apart = [...sample.actual.keys()].filter((row) => new Set(names.map((name) => predicted(name, row))).size > 1);
  const said = { count: apart.length, rows: sample.rows.toLocaleString("en"), all: sample.of.toLocaleString("en") };
  const groups = [...names.map((name) => [filled(word("page", "right_alone"), { variant: titled(name) }),
    apart.filter((row) => names.every((each) => (predicted(each, row) === sample.actual[row]) === (each === name)))])];
  const rest = new Set(groups.flatMap(([, rows]) => rows));
  groups.push([word("page", "other_disagreements"), apart.filter((row) => !rest.has(row))]);
  const describe = (row) => {
    const actual = className(dataset, sample.actual[row]);
    const said = names.map((name) => [swatchOf(name), element("span", { className: "unseen", textContent: `${titled(name)}: ` }), className(dataset, predicted(name, row))]);
    return [filled(word("page", "image_of"), { row: row + 1, actual }), [element("b", { textContent: actual })], ...said];
  };
  return [
    headingOf("disagreements"), element("p", { textContent: filled(word("page", "disagree_in"), said) }),
    element("p", {}, ...names.flatMap((name) => [cardLink(name), " "])),
    ...groups.filter(([, rows]) => rows.length).flatMap(([title, rows]) => [element("h4", { textContent: `${title}: ${rows.length}` }), ...gallery(sample, rows, describe)]),
  ];
}

async function compareNow() {
  const [asked, names] = [location.hash, comparedNames()];
  if (!asked.startsWith(COMPARE)) return;
  for (const [place, select] of comparing.entries()) select.value = names[place] ?? "";
  const dataset = data.board[names[0]]?.dataset;
  const alike = names.every((name) => data.board[name] && data.board[name].dataset === dataset);
  const lacking = !alike ? "not_comparable" : names.length === 1 ? "choose_second" : "";
  forget(comparison);
  comparison.replaceChildren(...(lacking ? [element("p", { className: "note", textContent: word("page", lacking) })] : []));
  if (lacking || !names.length) return;
  compareData ??= await (await unpacked("compared")).json();
  const images = await disagreements(names);
  if (location.hash !== asked) return;
  const [first, ...others] = names;
  const rows = recipeRows(names);
  comparison.replaceChildren(
    factsOf(names), headingOf("differences"),
    tableOf([word("page", "compared"), `${word("page", "difference_of")}: ${data.sets[dataset].name[root.lang]}`, word("page", "seeds_compared"), word("page", "verdict")],
      others.map((name) => differenceRow(name, first)), word("page", "differences"), "comparisons", ["effect", "seeds", "verdict"]),
    headingOf("recipes_differ"),
    rows.length ? tableOf([word("page", "place"), ...names.map(cardLink)], rows, word("page", "recipes_differ")) : element("p", { textContent: word("page", "same_recipe") }),
    ...curveCharts(names), ...confusionCharts(names), ...images,
  );
  chartsIn(comparison);
}

async function followCompare() {
  const names = comparedNames();
  await compareNow();
  if (!names.length) return;
  const place = document.getElementById("compare");
  place.closest("details").open = true;
  place.scrollIntoView();
  if (names.length === 1) comparing[1].focus({ preventScroll: true });
}

fillSelects();
addEventListener("hashchange", followCompare);
addEventListener("DOMContentLoaded", followCompare);
new MutationObserver(compareNow).observe(root, { attributeFilter: ["lang"] });
