// --- Lines and cells: charts that have their data in their spec, see graphs.py

const DASHES = [[1, 0], [6, 4], [2, 3]];
const NAMED = 18;  // pixels of a row of the legend
const LONG = 22;  // letters of a name, of which two do not fit beside each other
const inWords = (name) => name[root.lang];
const columnsOf = (series) => (series.some(({ name }) => Math.max(name.en.length, name.ko.length) > LONG) ? 1 : 2);
const legendRows = (series) => Math.ceil(new Set(series.map(({ name }) => name.en)).size / columnsOf(series));
const legendBelow = (more) => ({ orient: "bottom", labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelColor: ink().text, titleColor: ink().quiet, labelLimit: 300, titleLimit: 300, ...more });

// Without ends of its own an axis reaches a little beyond its data, so that no point is cut.
const encodingOf = ({ title, log, domain }, field, more = {}) => ({
  field, type: "quantitative", title: inWords(title),
  scale: { ...(log ? { type: "log" } : { zero: false }), nice: false, ...(domain ? { domain } : { padding: 8 }) },
  axis: { tickCount: 5, ...(log && { format: "~g", grid: false }), ...more },
});

// Names of the lines in their order, with their colors and their dashes, in one legend.
function namesOf(series) {
  const shown = series.filter(({ faint }) => !faint);
  const colors = new Map(shown.map(({ name, color }) => [inWords(name), data.colors[color] ?? color]));
  const legend = colors.size > 1 || !colors.has("")
    ? legendBelow({ columns: columnsOf(series), title: null, symbolType: "stroke", symbolStrokeWidth: 2, symbolOpacity: 1 }) : null;
  const named = (range) => ({ field: "name", type: "nominal", legend, scale: { domain: [...colors.keys()], range } });
  return { color: named([...colors.values()]), strokeDash: named(shown.map(({ dash = 0 }) => DASHES[dash])) };
}

function lines({ title, x, y, series, step, points = false, dots = false, rule }) {
  const values = series.flatMap(({ name, color, faint = false, best = [], low, high, ...of }, line) => of.x.map((at, place) => ({
    line, name: inWords(name), ink: data.colors[color] ?? color, faint, x: at, y: of.y[place],
    low: low?.[place] ?? null, high: high?.[place] ?? null, best: best.includes(place),
  })));
  const [across, up] = [encodingOf(x, "x", { grid: false }), encodingOf(y, "y")];
  const { color, strokeDash } = namesOf(series);
  const tooltip = [{ field: "name", title: word("table", "variant") }, { field: "x", title: inWords(x.title) }, { field: "y", title: inWords(y.title) }];
  const encoding = { x: across, y: up, detail: { field: "line" } };
  const line = { type: "line", clip: true, strokeJoin: "round", ...(step && { interpolate: step }) };
  const layer = (test, mark, channels) => (values.some(test) ? [{ data: { values: values.filter(test) }, mark: { clip: true, ...mark }, encoding: channels }] : []);
  const drawn = (each) => each.y !== null && !each.faint;
  return {
    data: { values }, ...(title && { title: { text: inWords(title), anchor: "start", fontSize: 12, fontWeight: "normal", color: ink().text } }), layer: [
      ...(rule ? [{
        data: { values: rule.map(([at, value]) => ({ x: at, y: value })) }, mark: { type: "line", clip: true, strokeDash: [4, 3], strokeWidth: 1, color: ink().quiet },
        encoding: { x: across, y: up },
      }] : []),
      ...layer((each) => each.faint, { ...line, strokeWidth: 0.7, strokeOpacity: 0.5 }, { ...encoding, color: { field: "ink", scale: null } }),
      ...(dots ? [] : layer(drawn, { ...line, strokeWidth: 1.8 }, { ...encoding, color, strokeDash })),
      ...layer((each) => each.low !== null, { type: "rule", strokeOpacity: 0.6 }, { x: across, y: encodingOf(y, "low"), y2: { field: "high" }, color }),
      ...layer((each) => each.best, { type: "point", size: 130, strokeWidth: 1.5, opacity: 1 }, { x: across, y: up, color }),
      ...layer(drawn, { type: "point", filled: true, size: 30, opacity: points ? 1 : 0 }, { x: across, y: up, color, tooltip }),
    ],
  };
}

function cells({ x, y, value, steps, cells: found, limit, rule }) {
  const values = found.value.map((each, place) => {
    const [left, bottom] = [x.domain[0] + found.x[place] * steps[0], y.domain[0] + found.y[place] * steps[1]];
    return { left, bottom, right: left + steps[0], top: bottom + steps[1], value: each };
  });
  const { quiet, empty, full } = ink();
  const scale = limit === null ? { type: "log", range: [empty, full] } : { domain: [-limit, 0, limit], range: [full, empty, "#d55e00"], interpolate: "rgb", clamp: true };
  const [across, up] = [encodingOf(x, "left", { grid: false }), encodingOf(y, "bottom", { grid: false })];
  const title = inWords(value);
  return {
    data: { values }, layer: [
      {
        mark: { type: "rect" },
        encoding: {
          x: across, x2: { field: "right" }, y: up, y2: { field: "top" }, color: { field: "value", type: "quantitative", scale, legend: legendBelow({ title, gradientLength: 200 }) },
          tooltip: [{ field: "left", title: inWords(x.title), format: ".4~r" }, { field: "bottom", title: inWords(y.title), format: ".4~r" }, { field: "value", title, format: ".3~r" }],
        },
      },
      ...(rule ? [{
        data: { values: rule.map(([at, each]) => ({ left: at, bottom: each })) }, mark: { type: "line", clip: true, strokeWidth: 1, color: quiet },
        encoding: { x: across, y: up },
      }] : []),
    ],
  };
}

Object.assign(KINDS, { lines, cells });
Object.assign(HEIGHTS, { lines: ({ title, series }) => 260 + NAMED * legendRows(series) + (title ? 20 : 0), cells: () => 340 });
