// --- What a reader does with charts: choose, zoom, save

const ZOOMED = ["curves", "cost"];
const SHOWN = ["validation", "training", "both"];
const CLOSER_FROM = 4;  // epochs

function button(texts, pressed) {
  const made = spoken(element("button", { type: "button" }), texts);
  if (pressed !== undefined) made.ariaPressed = pressed;
  return made;
}

// --- Zoom

function zoom(plot, limits) {
  if (limits) zooms.set(plot, limits);
  else zooms.delete(plot);
  plot.parentElement.querySelector(".whole").disabled = !limits;
  draw(plot);
}

const scaled = (scale) => (scale.type === "log" ? [Math.log, Math.exp] : [Number, Number]);

// The limits of a chart: its frame, moved by shares of its width and height, and so many times as large.
function moved(view, x, y, times) {
  const limits = {};
  for (const [axis, share] of [["x", x], ["y", y]]) {
    const [to, from] = scaled(view.scale(axis));
    const [low, high] = (view.scale(axis).domain()).map(to);
    const [middle, half] = [(low + high) / 2 + share * (high - low), (times * (high - low)) / 2];
    limits[axis] = [from(middle - half), from(middle + half)];
  }
  return limits;
}

const KEYS = { ArrowLeft: [-0.2, 0, 1], ArrowRight: [0.2, 0, 1], ArrowUp: [0, 0.2, 1], ArrowDown: [0, -0.2, 1] };

function addZoom(plot, tools) {
  const move = async (...by) => zoom(plot, moved((await views.get(plot)).view, ...by));
  const closer = button(texts("page", "zoom_in"));
  const whole = button(texts("page", "whole"));
  whole.className = "whole";
  whole.disabled = true;
  closer.addEventListener("click", () => move(0, 0, 0.5));
  whole.addEventListener("click", () => { closer.focus(); zoom(plot, null); });
  closer.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    move(...KEYS[event.key]);
  });
  plot.addEventListener("dblclick", () => zooms.has(plot) && zoom(plot, null));
  tools.append(closer, whole);
}

// --- Save

function nameOf(plot) {
  const { kind, metric, variant, variants = [], dataset = "" } = specOf(plot);
  const place = plot.closest(".study")?.querySelector("[id]").id ?? plot.closest("[id]:not(main)")?.id ?? variant ?? (variants.join("-") || dataset);
  return [place, kind, metric].filter(Boolean).join("-").replaceAll(/[^\w-]+/g, "_");
}

function csvOf({ data: { values } }) {
  const columns = [...new Set(values.flatMap(Object.keys))].filter((key) => values.some((each) => typeof each[key] !== "object"));
  const cell = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
  return [columns, ...values.map((each) => columns.map((key) => each[key]))].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

function download(content, type, name) {
  const link = element("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function save(plot, format) {
  const [spec, name] = [drawnSpec(plot, true), `${nameOf(plot)}.${format}`];
  if (format === "csv") return download(csvOf(spec), "text/csv", name);
  await loadVega();
  const { view, finalize } = await vegaEmbed(document.createElement("div"), spec, { actions: false, renderer: "svg" });
  if (format === "svg") download(await view.toSVG(), "image/svg+xml", name);
  else download(await (await fetch(await view.toImageURL("png", 2))).blob(), "image/png", name);
  finalize();
}

function addTools(plot, kind) {
  const tools = element("div", { className: "tools" });
  if (ZOOMED.includes(kind)) addZoom(plot, tools);
  for (const format of ["png", "svg", "csv"]) {
    const made = element("button", { type: "button", textContent: format.toUpperCase() });
    for (const [lang, text] of Object.entries(texts("page", "save_as"))) {
      made.setAttribute(`data-${lang}-title`, text.replace("{format}", format.toUpperCase()));
    }
    made.title = made.getAttribute(`data-${root.lang}-title`);
    made.addEventListener("click", () => save(plot, format));
    tools.append(made);
  }
  plot.after(tools);
  if (kind === "confusion") addCells(plot);
}

// --- Choose

function togglesOf(plot, variants) {
  const legend = element("ul", { className: "legend" });
  const { hidden } = choiceOf(plot);
  for (const variant of variants) {
    const made = button(titlesOf(variant), "true");
    made.style.setProperty("--swatch", data.colors[variant]);
    made.addEventListener("click", () => {
      if (!hidden.delete(variant)) hidden.add(variant);
      if (hidden.size === variants.length) hidden.clear();
      for (const [place, each] of all("button", legend).entries()) each.ariaPressed = String(!hidden.has(variants[place]));
      redrawGroup(plot);
    });
    for (const [event, lit] of [["pointerenter", variant], ["focus", variant], ["pointerleave", null], ["blur", null]]) {
      made.addEventListener(event, () => light(plot, lit));
    }
    legend.append(element("li", {}, made));
  }
  return legend;
}

function addControls(charts) {
  const plots = all(".plot", charts).filter((plot) => specOf(plot).kind === "curves");
  if (!plots.length) return;
  const [plot] = plots;
  const variants = [...new Set(plots.flatMap((each) => specOf(each).variants))];
  const choice = choiceOf(plot);
  const series = plots.map(specOf).flatMap(({ variants: names, metric }) => names.map((name) => data.curves[name]?.[metric] ?? {}));
  const controls = element("div", { className: "controls" });
  if (variants.length > 1) controls.append(togglesOf(plot, variants));
  if (series.some((each) => "validation" in each)) {
    const select = element("select", {}, ...SHOWN.map((part) => spoken(
      element("option", { value: part, selected: part === choice.part }), part === "both" ? texts("page", "both") : texts("parts", part))));
    select.addEventListener("change", () => { choice.part = select.value; redrawGroup(plot); });
    controls.append(element("label", {}, spoken(element("span"), texts("page", "part")), " ", select));
  }
  if (Math.max(...series.flatMap(Object.values).map(({ mean }) => mean.length)) >= CLOSER_FROM) {
    const closer = button(texts("page", "closer"), "false");
    closer.addEventListener("click", () => {
      choice.closer = !choice.closer;
      closer.ariaPressed = String(choice.closer);
      for (const each of plots) zooms.delete(each);
      redrawGroup(plot);
    });
    controls.append(closer);
  }
  charts.before(controls);
}
