// --- Tables to sort and filter. What is chosen stands in their form, and in the address of the last one that was changed:
// #leaderboard-housing?sort=-test_r2&split=single

const FENCE = 1.5;  // interquartile ranges from the quartiles, beyond which a value is off the scale (Tukey 1977)
const MARGIN = 0.02;  // share of the scale on each side
const MOST_COMPARED = 4;

const tables = all(".board").map((board) => {
  const form = board.querySelector("form"), table = board.querySelector("table"), body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  return {
    place: board.getAttribute("aria-labelledby"), board, form, body, headings, rows: [...body.rows],
    column: (key) => headings.findIndex((each) => each.dataset.column === key),
    sorts: headings.map((each) => each.ariaSort),
    moreIsBetter: "moreIsBetter" in table.dataset,
    ends: table.querySelector(".ends"),
  };
});

// The value by which a cell is sorted: a number or a text, null if it is missing.
function valueOf(cell) {
  const text = cell.dataset.sort ?? cell.textContent.trim();
  const number = Number(text.replaceAll(",", "").replace("−", "-"));
  return text === "" || text === "–" ? null : Number.isNaN(number) ? text : number;
}

function sortRows({ form, body, headings, rows, column, sorts }) {
  const { value } = form.elements.sort;
  const at = column(value.replace(/^-/, ""));
  for (const [place, heading] of headings.entries()) heading.ariaSort = at < 0 ? sorts[place] : heading.ariaSort && "none";
  if (at < 0) return body.append(...rows);
  const ascending = !value.startsWith("-");
  headings[at].ariaSort = ascending ? "ascending" : "descending";
  const keyed = rows.map((row) => [valueOf(row.cells[at]), row]);
  keyed.sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);  // what is missing comes last
    const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(other);
    return ascending ? order : -order;
  });
  return body.append(...keyed.map(([, row]) => row));
}

function filterRows({ form, rows }) {
  const wanted = words(form.elements.text.value), selects = all("select", form).filter(({ value }) => value);
  for (const row of rows) {
    const { variant } = row.dataset;
    const name = [variant, ...Object.values(data.titles[variant] ?? {})].join(" ").toLowerCase();
    row.hidden = !wanted.every((each) => name.includes(each))
      || !selects.every(({ name: key, value }) => row.dataset[key].split("|").includes(value));
  }
  return rows.filter((row) => !row.hidden);
}

function showColumns({ form, headings, rows, column }) {
  const sorted = column(form.elements.sort.value.replace(/^-/, ""));
  for (const box of all("[name=column]", form)) {
    const at = column(box.value), hidden = !box.checked && at !== sorted;
    for (const row of [headings[at].parentElement, ...rows]) row.cells[at].hidden = hidden;
  }
}

function quantile(sorted, share) {
  const at = share * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

// The ends of a scale for values with their limits, which leaves out what is far from all others.
function scaleOf(bars, best) {
  const sorted = bars.map(({ value }) => value).sort((one, other) => one - other);
  const [first, third] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
  const reach = FENCE * Math.max(third - first, best.high - best.low);
  const near = bars.filter(({ value }) => first - reach <= value && value <= third + reach);
  const low = Math.min(...near.map((each) => each.low)), high = Math.max(...near.map((each) => each.high));
  const margin = MARGIN * (high - low) || 1;
  return [low - margin, high + margin];
}

// The bars of the rows that are shown, on one scale, and what cannot be told from the best of them.
function drawBars({ body, ends, moreIsBetter }, rows) {
  const bars = rows.map((row) => row.querySelector("td.interval")).filter((cell) => cell?.dataset.value).map((cell) => {
    const value = Number(cell.dataset.value);
    return { cell, value, low: Number(cell.dataset.low ?? value), high: Number(cell.dataset.high ?? value) };
  });
  if (!bars.length) return;
  const best = bars.reduce((one, other) => ((moreIsBetter ? other.value > one.value : other.value < one.value) ? other : one));
  const [left, right] = scaleOf(bars, best);
  const share = (value) => Math.min(Math.max((100 * (value - left)) / (right - left), 0), 100);
  const spread = (style, name, { low, high }) => {
    style.setProperty(`--${name}`, `${share(low)}%`);
    style.setProperty(`--${name}-width`, `${share(high) - share(low)}%`);
  };
  spread(body.style, "best", best);
  ends.replaceChildren(...[left, right].map((end) => element("span", {}, Number(end.toPrecision(3)))));
  for (const bar of bars) {
    const off = bar.value < left ? "left" : bar.value > right ? "right" : "";
    const within = bar !== best && best.low <= bar.value && bar.value <= best.high;
    spread(bar.cell.style, "bar", bar);
    bar.cell.style.setProperty("--middle", `${share(bar.value)}%`);
    bar.cell.dataset.standing = bar === best || within ? "best" : off;
    const said = bar === best ? "the_best" : within ? "in_best" : off && "off_scale";
    bar.cell.querySelector(".standing").textContent = said ? word("page", said) : "";
  }
}

const picks = ({ form }) => [...form.elements].filter(({ name }) => name === "pick");

function offerComparison(table) {
  const boxes = picks(table), chosen = boxes.filter(({ checked }) => checked), link = table.form.querySelector(".compare");
  for (const box of boxes) {
    box.disabled = !box.checked && chosen.length >= MOST_COMPARED;
    box.ariaLabel = filled(word("page", "compare_this"), { variant: data.titles[box.value]?.[root.lang] ?? box.value });
  }
  if (!link) return;
  link.hidden = chosen.length < 2;
  link.href = `#compare=${chosen.map(({ value }) => encodeURIComponent(value)).join(",")}`;
  link.textContent = filled(word("page", "compare_chosen"), { count: chosen.length });
}

function showTable(table) {
  sortRows(table);
  showColumns(table);
  const shown = filterRows(table);
  if (table.ends) drawBars(table, shown);
  offerComparison(table);
  const counts = { shown: shown.length, count: table.rows.length };
  table.board.querySelector(".count").textContent = filled(word("page", "rows"), counts);
}

const controls = ({ form }) => [...form.elements].filter(({ name }) => name);

// What was chosen, as the query of an address: all that is not as at first.
function stateOf(table) {
  const state = new URLSearchParams();
  for (const control of controls(table)) if (control.type !== "checkbox" && control.value) state.set(control.name, control.value);
  for (const name of ["column", "pick"]) {
    const boxes = controls(table).filter((each) => each.name === name);
    if (boxes.every((each) => each.checked === each.defaultChecked)) continue;
    const checked = boxes.filter((each) => each.checked);
    for (const { value } of checked.length ? checked : [{ value: "" }]) state.append(name, value);
  }
  return state.toString();
}

function restore(table, chosen) {
  const state = new URLSearchParams(chosen);
  for (const control of controls(table)) {
    const { name, value } = control;
    if (control.type === "checkbox") {
      control.checked = state.has(name) ? state.getAll(name).includes(value) : control.defaultChecked;
    } else {
      control.value = state.get(name) ?? "";
      if (control.selectedIndex < 0) control.selectedIndex = 0;
    }
  }
  showTable(table);
}

const states = () => ({ tables: Object.fromEntries(tables.map((table) => [table.place, stateOf(table)])) });

// Put what was chosen into the address: each choice is a step back, and so is a word, but not each letter of it.
function remember(table, typing) {
  const state = stateOf(table), hash = `#${table.place}${state && `?${state}`}`;
  if (hash !== location.hash) history[typing && table.typing ? "replaceState" : "pushState"](states(), "", hash);
  for (const each of tables) each.typing = typing && each === table;
}

// Show the tables as they were here, or as the address has it.
function restoreTables() {
  const [place, state] = location.hash.slice(1).split("?");
  const before = history.state?.tables;
  for (const table of tables) {
    if (before) restore(table, before[table.place]);
    else if (table.place === place && state !== undefined) restore(table, state);
  }
  history.replaceState(states(), "");
}

// Come to the place of the address; with another state of the same table, only show that.
function arrive({ oldURL = "" } = {}) {
  restoreTables();
  const place = (address) => address.split("#")[1]?.split("?")[0];
  if (!place(oldURL) || place(oldURL) !== place(location.href)) follow();
}

function saveAsCsv({ place, headings, body }) {
  const shown = [...headings.keys()].filter((at) => !headings[at].hidden);
  const fields = (row) => shown.flatMap((at) => {
    const cell = row.cells[at], { low = "", high = "" } = cell.dataset;
    return at === 0 ? [row.dataset.variant] : cell.matches(".interval") ? [low, high] : [valueOf(cell) ?? ""];
  });
  const ranked = headings[1].dataset.column;
  const keys = shown.flatMap((at) => headings[at].dataset.column ?? [`${ranked}_low`, `${ranked}_high`]);
  const lines = [keys, ...[...body.rows].filter((row) => !row.hidden).map(fields)];
  const quoted = (field) => (/[",\n]/.test(field) ? `"${String(field).replaceAll('"', '""')}"` : field);
  const content = lines.map((line) => `${line.map(quoted).join(",")}\n`).join("");
  const link = element("a", { download: `${place}.csv`, href: URL.createObjectURL(new Blob([content], { type: "text/csv" })) });
  link.click();
  URL.revokeObjectURL(link.href);
}

function turn(heading) {
  if (heading.ariaSort === "none") return "descending" in heading.dataset ? "-" : "";
  return heading.ariaSort === "ascending" ? "-" : "";
}

for (const table of tables) {
  const { board, form, rows } = table;
  const changed = (typing = false) => { showTable(table); remember(table, typing); };
  if (form.querySelector(".compare")) {
    for (const { dataset: { variant }, cells: [first] } of rows) {
      const box = element("input", { type: "checkbox", name: "pick", value: variant });
      box.setAttribute("form", form.id);
      first.prepend(box);
    }
  }
  if (matchMedia("(max-width: 62rem)").matches) for (const box of all("[name=column]", form)) box.defaultChecked = false;
  board.addEventListener("input", ({ target }) => { if (target.form === form) changed(target.name === "text"); });
  board.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.matches(".save")) saveAsCsv(table);
    if (!button?.matches(".sort")) return;
    form.elements.sort.value = turn(button.parentElement) + button.parentElement.dataset.column;
    changed();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    restore(table, "");
    remember(table);
  });
}
