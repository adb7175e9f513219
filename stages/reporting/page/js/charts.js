// --- Charts

// Pixels with axes. Each chart has its place before it is drawn: nothing moves while a reader points at something.
const HEIGHTS = {
  curves: () => 290,
  differences: ({ study, metric }) => 38 * data.differences[study].filter((each) => each.metric === metric).length + 50,
  confusion: ({ variant }) => 34 * data.confusion[variant].classes.length + 90,
  confusions: ({ variants }) => HEIGHTS.confusion({ variant: variants[0] }),
  reliability: () => 290,
  cost: () => 380,
  recall: ({ dataset }) => 14 * ranked(dataset).filter((name) => data.confusion[name]).length + 110,
  zeros: ({ dataset }) => 22 * regularized(dataset).length + 90,
};
const KINDS = { curves, differences, confusion, confusions, reliability, cost, recall, zeros };
const EXPORTED = 720;  // pixels of the width of a saved picture
const DRAG = "[pointerdown[event.pointerType === 'mouse'], window:pointerup] > window:pointermove!";
const LEAST_DRAG = 8;  // pixels: anything shorter is a click
const views = new Map();
const zooms = new WeakMap();
const choices = new WeakMap();

const LIT = "lit === null || lit === datum.variant";

const titled = (name) => data.titles[name]?.[root.lang] ?? name;
const color = (names) => ({
  type: "nominal", legend: null, scale: { domain: names, range: names.map((name) => data.colors[name]) },
});
// The color of a line; gray while another one is pointed at.
const litColor = (names, legend = false) => ({
  condition: {
    test: LIT, field: "variant", ...color(names),
    ...(legend ? { legend: { title: null, labelExpr: `${JSON.stringify(Object.fromEntries(names.map((name) => [name, titled(name)])))}[datum.label]` } } : {}),
  },
  value: ink().line,
});
const tooltips = (section, keys, fields = keys) => keys.map((key, place) => (
  { field: fields[place], title: word(section, key) }
));
const ink = () => isDark()
  ? { text: "#e8e8e8", quiet: "#b3b8bd", line: "#3a3d41", empty: "#22272b", full: "#0072b2", back: "#181818" }
  : { text: "#1d1f21", quiet: "#55595e", line: "#d9dce0", empty: "#f3f6f8", full: "#0072b2", back: "#ffffff" };

const specOf = (plot) => JSON.parse(plot.closest(".chart").dataset.chart);
const groupOf = (plot) => plot.closest(".charts") ?? plot.closest(".chart");

// What the reader has chosen for all charts of a group.
function choiceOf(plot) {
  const group = groupOf(plot);
  if (!choices.has(group)) {
    const several = specOf(plot).variants?.length > 3;
    choices.set(group, { part: several ? "validation" : "both", closer: false, hidden: new Set() });
  }
  return choices.get(group);
}

// Of a saved picture: the heading above the chart, the seed, and what its marks are.
function titleOf(plot) {
  const { kind, variant, variants, dataset, front } = specOf(plot);
  const named = plot.closest("[aria-labelledby]")?.getAttribute("aria-labelledby");
  const heading = plot.closest(".chart").querySelector("figcaption") ?? plot.closest(".card")?.querySelector("summary b")
    ?? plot.closest(".explored > section")?.querySelector("h4") ?? document.getElementById(named);
  const said = [
    data.seed !== null && (variant ?? variants ?? dataset) ? filled(word("page", "of_seed"), { seed: data.seed }) : "",
    kind === "curves" ? word("page", "curves_legend") : "",
  ].filter(Boolean).join(". ");
  return {
    text: heading.textContent.replace(/\s*#\s*$/, ""), subtitle: [...(said ? [said] : []), ...(front ?? []).map((name, place) => `${place + 1} ${titled(name)}`)],
    anchor: "start", frame: "bounds", offset: 12, fontSize: 14, color: ink().text, subtitleColor: ink().quiet, subtitleFontSize: 12,
  };
}

function drawnSpec(plot, exported = false) {
  const { kind, ...of } = specOf(plot);
  const title = exported ? titleOf(plot) : null;
  const { text, quiet, line, back } = ink();
  const width = exported ? EXPORTED : printing ? HALF_A_PAGE : plot.clientWidth;
  return {
    width: exported || printing ? width : "container", height: HEIGHTS[kind](of) + (exported ? 35 + 15 * title.subtitle.length : 0), autosize: { type: "fit", contains: "padding" },
    background: exported ? back : null, ...(exported && { title, padding: 12 }), ...KINDS[kind](of, { ...choiceOf(plot), zoom: zooms.get(plot), width, exported }),
    config: {
      font: getComputedStyle(document.body).fontFamily, view: { stroke: null },
      axis: {
        labelColor: text, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line,
        labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 130,
      },
      legend: { labelColor: text, titleColor: quiet, labelFontSize: 12, labelLimit: exported ? 0 : 200 },
    },
  };
}

// Vega-Lite 6.4 forgets that the datum of a Voronoi cell is a mark.
function ofNearest(spec) {
  for (const { name, encode } of spec.marks ?? []) {
    if (name?.endsWith("_voronoi")) encode.update.tooltip.signal = encode.update.tooltip.signal.replaceAll("datum[", "datum.datum[");
  }
  return spec;
}

function draw(plot) {
  views.get(plot)?.then((each) => each.finalize());
  const inside = document.createElement("div");
  inside.ariaHidden = "true";  // the element around it is the picture, and has a description
  plot.replaceChildren(inside);
  // Nothing in it waits for more than a promise: it is drawn before a listener's event, such as beforeprint, is over.
  const drawing = vegaEmbed(inside, drawnSpec(plot), {
    actions: false, renderer: "svg", patch: ofNearest, tooltip: { theme: isDark() ? "dark" : "light" },
  });
  views.set(plot, drawing);
  plot.dataset.drawn = "";
  drawing.then(({ view }) => listen(plot, view));
}

// Highlights a variant in all charts of a group; null: none.
function light(plot, variant) {
  for (const each of all(".plot[data-drawn]", groupOf(plot))) {
    views.get(each)?.then(({ view }) => {
      if ("lit" in view.getState().signals) view.signal("lit", variant).runAsync();
    });
  }
}

function listen(plot, view) {
  const signals = view.getState().signals;
  if ("near" in signals) view.addSignalListener("near", (_, near) => light(plot, near?.variant?.[0] ?? null));
  if ("frame" in signals) view.addEventListener("pointerdown", () => addEventListener("pointerup", () => zoomTo(plot, view), { once: true }));
  if (specOf(plot).kind === "cost") view.addEventListener("click", (_, item) => item?.datum?.variant && openCard(item.datum.variant));
  if (specOf(plot).kind === "confusion") view.addEventListener("click", (_, item) => item?.datum?.actual && openCell(plot, item.datum));
}

const openCard = (variant) => { location.hash = `variant-${encodeURIComponent(variant)}`; };

// Zooms to what a drag has framed.
function zoomTo(plot, view) {
  const [frame, ...pixels] = ["frame", "frame_x", "frame_y"].map((name) => view.signal(name));
  if (pixels.some((ends) => !ends?.length || Math.abs(ends[1] - ends[0]) < LEAST_DRAG)) return;
  const sorted = (ends) => ends.toSorted((one, other) => one - other);
  zoom(plot, { x: sorted(frame.epoch ?? frame.multiply_adds), y: sorted(frame.value) });
}

// Vega is unpacked when the first chart is needed, or when the browser has nothing else to do.
let loading;
const loadVega = () => loading ??= unpacked("vega").then((each) => each.text()).then((text) => {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
});

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) loadVega().then(() => { if (!("drawn" in target.dataset)) draw(target); });
  }
}, { rootMargin: "300px" });

// Gives the charts in an element their places and their controls; each is drawn when it is seen.
function chartsIn(part) {
  for (const plot of all(".plot", part)) {
    const { kind, ...of } = specOf(plot);
    plot.style.setProperty("--height", `${HEIGHTS[kind](of)}px`);
    addTools(plot, kind);
    watcher.observe(plot);
  }
  for (const charts of all(".charts", part)) addControls(charts);
}

// Lets go of the charts in an element that is about to be emptied.
function forget(part) {
  for (const plot of all(".plot", part)) {
    views.get(plot)?.then((each) => each.finalize());
    views.delete(plot);
  }
}

function redraw() {
  for (const plot of views.keys()) {
    delete plot.dataset.drawn;
    watcher.unobserve(plot);
    watcher.observe(plot);
  }
}

function redrawGroup(plot) {
  for (const each of all(".plot[data-drawn]", groupOf(plot))) draw(each);
}

function redrawForPrint(begins) {
  printing = begins;
  if (!window.vegaEmbed) return;
  for (const plot of all(".plot")) {
    if (plot.checkVisibility()) draw(plot);  // in a closed card, or filtered away, it is not printed
  }
}
