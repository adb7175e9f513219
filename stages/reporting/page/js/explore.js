// --- All variants of a data set in one picture

const ranked = (dataset) => {
  const sign = data.sets[dataset].less ? 1 : -1;
  return Object.keys(data.board).filter((name) => data.board[name].dataset === dataset && data.board[name].value !== null)
    .sort((one, other) => sign * (data.board[one].value - data.board[other].value));
};
const regularized = (dataset) => ranked(dataset).filter((name) => data.board[name].regularized && data.board[name].near_zero_weights !== null);

function cost({ dataset, front }, { zoom, exported }) {
  const { name, less } = data.sets[dataset];
  const values = ranked(dataset).map((variant) => ({ variant, title: titled(variant), front: front.indexOf(variant) + 1, ...data.board[variant] }))
    .filter((each) => each.multiply_adds);
  const best = values.filter((each) => each.front);
  const limits = zoom ?? {
    x: extent(values.map((each) => each.multiply_adds)),
    y: extent(finite(best.flatMap(({ value, low, high }) => [value, low, high]))),
  };
  const x = {
    field: "multiply_adds", type: "quantitative", title: word("page", "multiply_adds"),
    axis: { format: "~s", tickCount: 6, grid: false }, scale: { type: "log", domain: limits.x, nice: false, padding: 12 },
  };
  const y = (field) => ({ field, type: "quantitative", title: name[root.lang], scale: { domain: limits.y, zero: false, nice: false, padding: 16 } });
  const tooltip = [
    ...tooltips("table", ["variant"], ["title"]), { field: "value", title: name[root.lang] },
    { field: "multiply_adds", title: word("page", "multiply_adds"), format: ".3s" }, { field: "parameters", title: word("table", "parameters"), format: "," },
  ];
  const shade = { condition: { test: "datum.front > 0", value: ink().full }, value: ink().quiet };
  const isFront = [{ filter: "datum.front > 0" }];
  return {
    data: { values }, layer: [
      { transform: isFront, mark: { type: "line", interpolate: "step-after", color: ink().full, strokeWidth: 1, clip: true }, encoding: { x, y: y("value"), order: { field: "multiply_adds" } } },
      { transform: isFront, mark: { type: "rule", color: ink().full, opacity: 0.5, clip: true }, encoding: { x, y: y("low"), y2: { field: "high" } } },
      {
        params: exported ? [] : [{ name: "frame", select: { type: "interval", translate: false, zoom: false, on: DRAG } }],
        mark: { type: "point", filled: true, clip: true, opacity: 0.7, cursor: "pointer" },
        encoding: { x, y: y("value"), color: shade, tooltip, size: { field: "parameters", type: "quantitative", legend: null, scale: { type: "sqrt", range: [20, 220] } } },
      },
      { transform: isFront, mark: { type: "text", dy: -12, fontSize: 11, clip: true, color: ink().text }, encoding: { x, y: y("value"), text: { field: "front" } } },
    ],
  };
}

function recall({ dataset }) {
  const values = ranked(dataset).filter((variant) => data.confusion[variant]).flatMap((variant) => {
    const { classes, counts } = data.confusion[variant];
    return counts.map((row, place) => ({
      variant, title: titled(variant), class: classes[place], recall: row[place] / Math.max(row.reduce((a, b) => a + b), 1),
    }));
  });
  const sorted = values.map((each) => each.recall).toSorted((one, other) => one - other);
  const labels = Object.fromEntries(values.map(({ variant, title }) => [variant, title]));
  return {
    data: { values }, mark: { type: "rect" },
    encoding: {
      x: { field: "class", type: "nominal", sort: null, title: null, axis: { orient: "top", labelAngle: -90, domain: false, ticks: false } },
      y: { field: "variant", type: "nominal", sort: null, title: null, axis: { labelFontSize: 10, labelLimit: 180, domain: false, ticks: false, labelExpr: `${JSON.stringify(labels)}[datum.label]` } },
      color: {
        field: "recall", type: "quantitative", title: word("page", "recall"), legend: { orient: "bottom", direction: "horizontal", gradientLength: 160 },
        scale: { domain: [atShare(sorted, 0.05), 1], range: ["#d55e00", ink().empty, "#0072b2"], interpolate: "rgb", clamp: true },
      },
      tooltip: [...tooltips("table", ["variant"], ["title"]), ...tooltips("page", ["of_class"], ["class"]), { field: "recall", title: word("page", "recall"), format: ".3f" }],
    },
  };
}

function zeros({ dataset }) {
  const values = regularized(dataset).map((variant) => ({ variant, title: titled(variant), share: 100 * data.board[variant].near_zero_weights, value: data.board[variant].value }));
  const layers = values.flatMap(({ variant, title }) => Object.entries(data.board[variant].layers).map(([layer, share]) => ({ variant, title, layer, share: 100 * share })));
  const titles = Object.fromEntries(values.map(({ variant, title }) => [variant, title]));
  const sorted = values.toSorted((one, other) => other.share - one.share).map(({ variant }) => variant);
  const y = { field: "variant", type: "nominal", sort: sorted, title: null, axis: { domain: false, ticks: false, labelLimit: 180, labelExpr: `${JSON.stringify(titles)}[datum.label]` } };
  const share = word("metrics", "near_zero_weights");
  const x = { field: "share", type: "quantitative", title: `${share} (%)`, scale: { domain: [0, 100], nice: false, padding: 12 }, axis: { tickCount: 5 } };
  const tooltip = (...more) => [...tooltips("table", ["variant"], ["title"]), { field: "share", title: share, format: ".1f" }, ...more];
  return {
    data: { values: [...values, ...layers] }, layer: [
      {
        transform: [{ filter: "!isValid(datum.layer)" }], mark: { type: "bar", height: { band: 0.7 }, color: ink().full, opacity: 0.5 },
        encoding: { x, y, tooltip: tooltip({ field: "value", title: data.sets[dataset].name[root.lang] }) },
      },
      {
        transform: [{ filter: "isValid(datum.layer)" }], mark: { type: "point", size: 50, filled: false, color: ink().text, opacity: 1 },
        encoding: { x, y, shape: { field: "layer", type: "nominal", title: word("page", "layer"), legend: { orient: "bottom" } }, tooltip: tooltip(...tooltips("page", ["layer"])) },
      },
    ],
  };
}

// --- Images of test rows

const samples = new Map();

// The sample of a data set: {rows, of, height, width, actual, predicted: {variant: classes}, pixels}.
function sampleOf(dataset) {
  if (!samples.has(dataset)) samples.set(dataset, readSample(dataset));
  return samples.get(dataset);
}

async function readSample(dataset) {
  const bytes = new Uint8Array(await (await unpacked(`sample-${dataset}`)).arrayBuffer());
  const { variants, ...about } = data.samples[dataset];
  const block = (number) => bytes.subarray(number * about.rows, (number + 1) * about.rows);
  return {
    ...about, actual: block(0), predicted: Object.fromEntries(variants.map((name, place) => [name, block(place + 1)])),
    pixels: bytes.subarray((variants.length + 1) * about.rows),
  };
}

const inSample = (name) => {
  const dataset = data.board[name]?.dataset;
  return data.samples[dataset]?.variants.includes(name) ? dataset : null;
};
const className = (dataset, place) => data.sets[dataset].classes[place] ?? "–";

function imageOf({ height, width, pixels }, row, label) {
  const canvas = element("canvas", { width, height, role: "img", ariaLabel: label, title: label });
  const first = row * width * height;
  paintImage(canvas, Uint8Array.from({ length: width * height }, (_, place) => {
    const two = pixels[(first + place) >> 1];
    return 17 * ((first + place) % 2 ? two & 15 : two >> 4);
  }), SHADES.gray);
  return canvas;
}

const AT_FIRST = 12;

// Images with a line of words below each; more of them on demand.
function gallery(sample, rows, describe) {
  const list = element("ul", { className: "images" });
  const add = (some) => list.append(...some.map((row) => {
    const [label, ...below] = describe(row);
    return element("li", {}, imageOf(sample, row, label), ...below.map((line) => element("small", {}, ...line)));
  }));
  add(rows.slice(0, AT_FIRST));
  if (rows.length <= AT_FIRST) return [list];
  const more = element("button", { type: "button", textContent: filled(word("page", "show_all"), { count: rows.length }) });
  more.addEventListener("click", () => { more.remove(); add(rows.slice(AT_FIRST)); });
  return [list, more];
}

// --- The images of a cell of a confusion matrix

function addCells(plot) {
  const { variant } = specOf(plot);
  const dataset = inSample(variant);
  if (!dataset) return;
  const { classes } = data.confusion[variant];
  const selectOf = (key) => {
    const select = element("select", { className: key }, element("option", { value: "", textContent: "–" }), ...classes.map((each) => element("option", { value: each, textContent: each })));
    select.addEventListener("change", () => showCell(plot));
    return element("label", {}, spoken(element("span"), texts("page", key)), " ", select);
  };
  const form = element("form", { className: "cells" }, spoken(element("span"), texts("page", "images_of")), " ", selectOf("actual"), " ", selectOf("predicted"));
  form.addEventListener("submit", (event) => event.preventDefault());
  plot.parentElement.append(form, element("div", { className: "shown", ariaLive: "polite" }));
}

function openCell(plot, { actual, predicted }) {
  const chart = plot.parentElement;
  if (!chart.querySelector(".cells")) return;
  chart.querySelector("select.actual").value = actual;
  chart.querySelector("select.predicted").value = predicted;
  showCell(plot);
}

async function showCell(plot) {
  const [chart, { variant }] = [plot.parentElement, specOf(plot)];
  const [actual, predicted] = ["actual", "predicted"].map((key) => chart.querySelector(`select.${key}`).value);
  if (!actual || !predicted) return;
  const { classes, counts } = data.confusion[variant];
  const { dataset } = data.board[variant];
  const [one, other] = [actual, predicted].map((each) => data.sets[dataset].classes.indexOf(each));
  const sample = await sampleOf(dataset);
  const rows = [...sample.actual.keys()].filter((row) => sample.actual[row] === one && sample.predicted[variant][row] === other);
  const said = filled(word("page", "cell"), { shown: rows.length, rows: sample.rows.toLocaleString("en"), all: counts[classes.indexOf(actual)][classes.indexOf(predicted)].toLocaleString("en") });
  chart.querySelector(".shown").replaceChildren(
    element("p", { className: "key", textContent: said }),
    ...gallery(sample, rows, (row) => [filled(word("page", "image_of"), { row: row + 1, actual }), [String(row + 1)]]),
  );
}
