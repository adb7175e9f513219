// --- Charts

// Pixels with axes. Each chart has its place before it is drawn: nothing moves while a reader points at something.
const HEIGHTS = {
  curves: () => 290,
  differences: ({ study, metric }) => 38 * data.differences[study].filter((each) => each.metric === metric).length + 50,
  confusion: ({ variant }) => 34 * data.confusion[variant].classes.length + 90,
  reliability: () => 290,
};
const views = new Map();
const titled = (name) => data.titles[name]?.[root.lang] ?? name;
const color = (names) => ({
  type: "nominal", legend: null, scale: { domain: names, range: names.map((name) => data.colors[name]) },
});

const epochs = (last) => {
  const step = [1, 2, 5, 10, 20, 50, 100].find((each) => last / each <= 10) ?? Math.ceil(last / 10);
  return Array.from({ length: last }, (_, place) => place + 1).filter((epoch) => epoch % step === 0 || step === 1);
};

const tooltips = (section, keys, fields = keys) => keys.map((key, place) => (
  { field: fields[place], title: word(section, key) }
));

function curves({ variants, metric, axis, logarithmic }) {
  const values = variants.flatMap((variant) => Object.entries(data.curves[variant][metric] ?? {}).flatMap(
    ([part, { mean, low, high }]) => (low ?? mean).map((_, place) => ({
      variant, title: titled(variant), part: part && word("parts", part), dashed: part === "training", only: mean.length === 1, epoch: place + 1,
      value: mean[place], low: low?.[place] ?? null, high: high?.[place] ?? null,
    }))));
  const series = { color: { field: "variant", ...color(variants) }, detail: [{ field: "part" }] };
  const x = {
    field: "epoch", type: "quantitative", title: word("table", "epoch"),
    axis: { format: "d", values: epochs(Math.max(...values.map((each) => each.epoch))), grid: false }, scale: { zero: false, nice: false, padding: 8 },
  };
  const y = (field) => ({
    field, type: "quantitative", title: axis[root.lang], axis: { tickCount: 6 },
    scale: logarithmic ? { type: "log", nice: false } : { zero: metric === "learning_rate" },
  });
  const band = {
    transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
    mark: { type: "area", opacity: 0.15 }, encoding: { x, y: y("low"), y2: { field: "high" }, ...series },
  };
  const known = [{ filter: "isValid(datum.value)" }];
  const crowded = variants.length > 3;  // then training stands back
  const faint = { condition: { test: "datum.dashed", value: crowded ? 0.5 : 1 }, value: 1 };
  const dash = { field: "dashed", legend: null, scale: { domain: [false, true], range: [[1, 0], [5, 3]] } };
  return {
    data: { values }, layer: [
      ...(values.some((each) => each.low !== null) ? [band] : []),
      { transform: known, mark: { type: "line", strokeWidth: 1.8 }, encoding: { x, y: y("value"), strokeDash: dash, opacity: faint, ...series } },
      {
        transform: crowded ? [...known, { filter: "!datum.dashed || datum.only" }] : known, mark: { type: "point", filled: true, size: 22, opacity: 1 },
        encoding: { x, y: y("value"), ...series, tooltip: [...tooltips("table", ["variant", "part", "epoch"], ["title", "part", "epoch"]), { field: "value", title: axis[root.lang] }] },
      },
    ],
  };
}

function differences({ study, metric, axis, at }) {
  const points = data.differences[study].filter((each) => each.metric === metric);
  const values = points.map((each, row) => ({ ...each, row, label: each.label?.[root.lang] ?? `${titled(each.variant)} − ${titled(each.baseline)}` }));
  const names = [...new Set(values.map((each) => each.variant))];
  const y = { field: "row", type: "ordinal", axis: null };
  const title = axis[root.lang];
  const x = (field) => ({ field, type: "quantitative", title, axis: { format: at ? "~r" : "+~r", tickCount: 5, grid: false }, scale: { zero: !at, nice: false, padding: 16 } });
  const encoding = { y, color: { field: "variant", ...color(names) } };
  const limited = [{ filter: "isValid(datum.low) && isValid(datum.high)" }];
  return {
    data: { values }, layer: [
      { data: { values: [{ at }] }, mark: { type: "rule", strokeDash: [4, 3], color: ink().quiet }, encoding: { x: x("at") } },
      { transform: limited, mark: { type: "rule", strokeWidth: 3, yOffset: 8 }, encoding: { ...encoding, x: x("low"), x2: { field: "high" } } },
      {
        mark: { type: "point", filled: true, size: 80, opacity: 1, yOffset: 8 },
        encoding: { ...encoding, x: x("difference"), tooltip: [...tooltips("page", ["compared"], ["label"]), { field: "difference", title }, ...tooltips("page", ["low", "high"])] },
      },
      {
        mark: { type: "text", align: "left", dy: -8, fontSize: 12, limit: { expr: "width - 8" } },
        encoding: { y, x: { value: 4 }, text: { field: "label" }, color: { condition: { test: "datum.beside", value: ink().quiet }, value: ink().text } },
      },
    ],
  };
}

function confusion({ variant }) {
  const { classes, counts } = data.confusion[variant];
  const values = counts.flatMap((row, actual) => row.map((count, predicted) => ({
    actual: classes[actual], predicted: classes[predicted], count, share: count / Math.max(row.reduce((a, b) => a + b), 1),
  })));
  const { text, empty, full } = ink();
  const x = { field: "predicted", type: "nominal", sort: null, title: word("page", "predicted"), axis: { labelAngle: -45, domain: false, ticks: false } };
  const y = { field: "actual", type: "nominal", sort: null, title: word("page", "actual"), axis: { domain: false, ticks: false } };
  return {
    data: { values }, layer: [
      {
        mark: { type: "rect" },
        encoding: {
          x, y, tooltip: tooltips("page", ["actual", "predicted", "test_rows", "share"], ["actual", "predicted", "count", "share"]),
          color: { field: "share", type: "quantitative", legend: null, scale: { domain: [0, 1], range: [empty, full] } },
        },
      },
      {
        transform: [{ filter: "datum.count > 0" }], mark: { type: "text", fontSize: 11 },
        encoding: { x, y, text: { field: "count", format: "," }, color: { condition: { test: "datum.share > 0.5", value: "#ffffff" }, value: text } },
      },
    ],
  };
}

function reliability({ variant }) {
  const { confidence, accuracy, rows } = data.reliability[variant];
  const values = confidence.map((each, place) => ({
    confidence: each, accuracy: accuracy[place], rows: rows[place], begin: each - 0.02, end: Math.min(each + 0.02, 1),
  }));
  const axis = (key, field) => ({ field, type: "quantitative", title: word("page", key), axis: { tickCount: 5 }, scale: { domain: [0, 1] } });
  const [x, y] = [axis("confidence", "confidence"), axis("right", "accuracy")];
  const bars = { field: "rows", type: "quantitative", axis: null, scale: { domain: [0, 4 * Math.max(...rows)] } };  // below the line
  const tooltip = tooltips("page", ["confidence", "right", "predictions"], ["confidence", "accuracy", "rows"]);
  const color = data.colors[variant];
  return {
    data: { values }, resolve: { scale: { y: "independent" } }, layer: [
      { mark: { type: "rect", color, opacity: 0.3 }, encoding: { x: axis("confidence", "begin"), x2: { field: "end" }, y: bars, y2: { datum: 0 }, tooltip } },
      {
        layer: [
          {
            data: { values: [{ at: 0 }, { at: 1 }] }, mark: { type: "line", strokeDash: [4, 3], strokeWidth: 1, color: ink().quiet },
            encoding: { x: axis("confidence", "at"), y: axis("right", "at") },
          },
          { mark: { type: "line", color, strokeWidth: 1.8 }, encoding: { x, y } },
          { mark: { type: "point", filled: true, size: 30, opacity: 1, color }, encoding: { x, y, tooltip } },
        ],
      },
    ],
  };
}

const KINDS = { curves, differences, confusion, reliability };
const ink = () => isDark()
  ? { text: "#e8e8e8", quiet: "#b3b8bd", line: "#3a3d41", empty: "#22272b", full: "#0072b2" }
  : { text: "#1d1f21", quiet: "#55595e", line: "#d9dce0", empty: "#f3f6f8", full: "#0072b2" };

const specOf = (plot) => JSON.parse(plot.closest(".chart").dataset.chart);

function draw(plot) {
  views.get(plot)?.then((each) => each.finalize());
  const { kind, ...of } = specOf(plot);
  const { text, quiet, line } = ink();
  const spec = {
    width: printing ? HALF_A_PAGE : "container", height: HEIGHTS[kind](of), autosize: { type: "fit", contains: "padding" },
    background: null, ...KINDS[kind](of),
    config: {
      font: getComputedStyle(document.body).fontFamily, view: { stroke: null },
      axis: {
        labelColor: text, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line,
        labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 130,
      },
    },
  };
  const inside = document.createElement("div");
  inside.ariaHidden = "true";  // the element around it is the picture, and has a description
  plot.replaceChildren(inside);
  // Nothing in it waits for more than a promise: it is drawn before a listener's event, such as beforeprint, is over.
  const drawing = vegaEmbed(inside, spec, { actions: false, renderer: "svg", tooltip: { theme: isDark() ? "dark" : "light" } });
  views.set(plot, drawing);
  plot.dataset.drawn = "";
}

const plots = all(".plot");
for (const plot of plots) {
  const { kind, ...of } = specOf(plot);
  plot.style.setProperty("--height", `${HEIGHTS[kind](of)}px`);
}
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !("drawn" in target.dataset)) draw(target);
  }
}, { rootMargin: "300px" });

function redraw() {
  for (const plot of views.keys()) {
    delete plot.dataset.drawn;
    watcher.unobserve(plot);
    watcher.observe(plot);
  }
}

function redrawForPrint(begins) {
  printing = begins;
  for (const plot of plots) {
    if (plot.checkVisibility()) draw(plot);  // in a closed card, or filtered away, it is not printed
  }
}
