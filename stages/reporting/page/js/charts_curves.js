// --- Learning curves

const RESERVED = 50;  // pixels below the frame, for the axis and its title
const INSET = 8;  // pixels between the frame and the nearest value
const LABEL = { height: 13, width: 150 };
const WIDE = 460;  // pixels from which on there is room for labels at the ends of the lines
const FAR = 8;  // times as far from the rest as the rest is wide

const finite = (values) => values.filter(Number.isFinite);
const extent = (values) => (values.length ? [Math.min(...values), Math.max(...values)] : [0, 1]);
const atShare = (sorted, share) => sorted[Math.round(share * (sorted.length - 1))];

// The range of most values: without those that are far from all others, which would squeeze them.
function rangeOfMost(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [atShare(sorted, 0.25), atShare(sorted, 0.75)];
  const reach = 1.5 * (high - low) || Number.EPSILON;
  return extent(sorted.filter((each) => each >= low - reach && each <= high + reach));
}

const epochs = (first, last) => {
  const step = [1, 2, 5, 10, 20, 50, 100].find((each) => (last - first) / each <= 10) ?? Math.ceil((last - first) / 10);
  return Array.from({ length: Math.floor(last) }, (_, place) => place + 1)
    .filter((epoch) => epoch >= first && (epoch % step === 0 || step === 1));
};

// The lines of a chart: {variant, part, mean, low, high}. One without the chosen part has what there is of it.
function linesOf({ variants, metric }, { part, hidden }) {
  return variants.filter((variant) => !hidden.has(variant)).flatMap((variant) => {
    const own = data.curves[variant]?.[metric] ?? {};
    const parts = part in own ? [part] : Object.keys(own);
    return parts.map((each) => ({ variant, part: each, ...own[each] }));
  });
}

// The ends of both axes. From the middle of its training on, each line is nearly steady.
function limitsOf(lines, { closer, zoom }, logarithmic, fromZero) {
  if (zoom) return zoom;
  const last = Math.max(...lines.map(({ mean, low }) => (low ?? mean).length));
  const shown = lines.flatMap(({ mean, low, high }) => [mean, low ?? [], high ?? []].flatMap(
    (each) => each.slice(closer ? Math.floor(mean.length / 2) : 0)));
  const known = finite(shown).filter((each) => !logarithmic || each > 0);
  const y = closer ? rangeOfMost(known) : extent(known);
  const first = closer ? Math.min(...lines.map(({ mean }) => Math.floor(mean.length / 2) + 1)) : 1;
  return { x: [first, last], y: fromZero ? [0, y[1]] : y };
}

// Labels beside the ends of the lines, none on another: {variant, title, at: pixels from the top}; none if they do not fit.
function labelsOf(lines, limits, height, logarithmic, several) {
  const of = logarithmic ? Math.log : Number;
  const [low, high] = limits.y.map(of);
  const labels = lines.filter(({ part }) => !several || part !== "training").flatMap(({ variant, part, mean }) => {
    const value = mean.slice(0, Math.floor(limits.x[1])).findLast(Number.isFinite);
    if (!(value >= limits.y[0] && value <= limits.y[1])) return [];
    const at = high > low ? height - INSET - ((of(value) - low) / (high - low)) * (height - 2 * INSET) : height / 2;
    return [{ variant, title: several || !part ? titled(variant) : word("parts", part), at }];
  }).sort((one, other) => one.at - other.at);
  if (labels.length * LABEL.height > height + LABEL.height) return [];
  labels.forEach((each, place) => { each.at = Math.max(each.at, place ? labels[place - 1].at + LABEL.height : 0); });
  labels.toReversed().forEach((each, place) => { each.at = Math.min(each.at, height - place * LABEL.height); });
  return labels;
}

function curves(spec, context) {
  const { variants, metric, axis, logarithmic } = spec;
  const lines = linesOf(spec, context);
  const height = HEIGHTS.curves() - RESERVED;
  const limits = limitsOf(lines, context, logarithmic, metric === "learning_rate");
  const labels = context.width >= WIDE ? labelsOf(lines, limits, height, logarithmic, variants.length > 1) : [];
  const values = lines.flatMap(({ variant, part, mean, low, high }) => (low ?? mean).map((_, place) => ({
    variant, title: titled(variant), part: part && word("parts", part), dashed: part === "training", epoch: place + 1,
    value: mean[place], low: low?.[place] ?? null, high: high?.[place] ?? null,
  })));
  const x = {
    field: "epoch", type: "quantitative", title: word("table", "epoch"),
    axis: { format: "d", values: epochs(...limits.x), grid: false }, scale: { domain: limits.x, zero: false, nice: false, padding: INSET },
  };
  const y = (field) => ({
    field, type: "quantitative", title: axis[root.lang], axis: { tickCount: 6 },
    scale: { domain: limits.y, nice: false, padding: INSET, ...(logarithmic ? { type: "log" } : { zero: false }) },
  });
  const series = { color: litColor(variants, context.exported && !labels.length), detail: [{ field: "part" }] };
  const known = [{ filter: "isValid(datum.value)" }];
  const dash = { field: "dashed", legend: null, scale: { domain: [false, true], range: [[1, 0], [5, 3]] } };
  const many = values.length / Math.max(lines.length, 1) > 60;
  const tooltip = [...tooltips("table", ["variant", "part", "epoch"], ["title", "part", "epoch"]), { field: "value", title: axis[root.lang] }];
  return {
    autosize: { type: "fit-x", contains: "padding" }, height,
    params: [{ name: "lit", value: null }],
    data: { values }, layer: [
      ...(values.some((each) => each.low !== null) ? [{
        transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
        mark: { type: "area", opacity: 0.15, clip: true }, encoding: { x, y: y("low"), y2: { field: "high" }, ...series },
      }] : []),
      {
        params: context.exported ? [] : [{ name: "frame", select: { type: "interval", translate: false, zoom: false, on: DRAG } }],
        transform: known, mark: { type: "line", strokeWidth: 1.8, clip: true }, encoding: { x, y: y("value"), strokeDash: dash, ...series },
      },
      {
        params: context.exported ? [] : [{ name: "near", select: { type: "point", fields: ["variant"], on: "pointerover", clear: "pointerout", nearest: true } }],
        transform: known, mark: { type: "point", filled: true, size: 22, clip: true, opacity: many ? 0 : 1 },
        encoding: { x, y: y("value"), ...series, tooltip },
      },
      ...(labels.length ? [{
        // The color is in a dot beside the words: as words, most colors would be too faint.
        data: { values: labels }, encoding: { x: { value: "width" }, y: { field: "at", type: "quantitative", scale: null } }, layer: [
          { mark: { type: "point", filled: true, shape: "square", size: 36, opacity: 1, xOffset: 10 }, encoding: { color: litColor(variants) } },
          {
            mark: { type: "text", align: "left", baseline: "middle", dx: 17, fontSize: 11, limit: context.exported ? 0 : LABEL.width },
            encoding: { text: { field: "title" }, color: { condition: { test: LIT, value: ink().text }, value: ink().quiet } },
          },
        ],
      }] : []),
    ],
  };
}
