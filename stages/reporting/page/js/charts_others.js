// --- Differences, confusion matrices, reliability

// The ends of the axis: a difference that is far from the others does not squeeze them.
function limitsOfDifferences(values, at) {
  const away = (each) => Math.abs(each - at);
  const reaches = values.map(({ difference, low, high }) => Math.max(...finite([difference, low, high]).map(away))).sort((one, other) => one - other);
  const far = FAR * reaches[Math.floor((reaches.length - 1) / 2)] || Number.MAX_VALUE;
  const near = (each) => Math.min(Math.max(each, at - far), at + far);
  const shown = values.filter(({ difference }) => away(difference) <= far);
  return extent([at, ...shown.flatMap(({ difference, low, high }) => finite([difference, low, high])).map(near)]);
}

function differences({ study, metric, axis, at, digits }) {
  const [points, title] = [data.differences[study].filter((each) => each.metric === metric), axis[root.lang]];
  const ends = limitsOfDifferences(points, at);
  const shown = (value) => (at ? value.toFixed(digits) : signedNumber(value, digits));
  const values = points.map((each, row) => {
    const label = each.label?.[root.lang] ?? `${titled(each.variant)} − ${titled(each.baseline)}`;
    const beyond = each.difference < ends[0] ? "left" : each.difference > ends[1] ? "right" : "";
    const range = each.low === null ? "–" : filled(word("table", "range"), { low: shown(each.low), high: shown(each.high) });
    return { ...each, row, beyond, amount: shown(each.difference), range, label: beyond ? `${label}: ${shown(each.difference)}` : label, edge: ends[beyond === "left" ? 0 : 1] };
  });
  const names = [...new Set(values.map((each) => each.variant))];
  const y = { field: "row", type: "ordinal", axis: null };
  const x = (field) => ({ field, type: "quantitative", title, axis: { format: at ? "~r" : "+~r", tickCount: 5, grid: false }, scale: { domain: ends, zero: false, nice: false, padding: 16 } });
  const encoding = { y, color: { field: "variant", ...color(names) } };
  const tooltip = [...tooltips("page", ["compared"], ["label"]), { field: "amount", title }, ...tooltips("page", ["interval"], ["range"])];
  const arrow = (side, shape) => ({
    transform: [{ filter: `datum.beyond === "${side}"` }], mark: { type: "point", filled: true, shape, size: 90, opacity: 1, yOffset: 8 },
    encoding: { ...encoding, x: x("edge"), tooltip },
  });
  const label = { type: "text", align: "left", dy: -8, fontSize: 12, limit: { expr: "width - 8" } };
  const place = { y, x: { value: 4 }, text: { field: "label" } };
  return {
    data: { values }, layer: [
      { data: { values: [{ at }] }, mark: { type: "rule", strokeDash: [4, 3], color: ink().quiet }, encoding: { x: x("at") } },
      {
        transform: [{ filter: "isValid(datum.low) && isValid(datum.high) && !datum.beyond" }], mark: { type: "rule", strokeWidth: 3, yOffset: 8, clip: true },
        encoding: { ...encoding, x: x("low"), x2: { field: "high" } },
      },
      {
        transform: [{ filter: "!datum.beyond" }], mark: { type: "point", filled: true, size: 80, opacity: 1, yOffset: 8 },
        encoding: { ...encoding, x: x("difference"), tooltip },
      },
      arrow("left", "triangle-left"), arrow("right", "triangle-right"),
      { mark: { ...label, stroke: ink().back, strokeWidth: 4 }, encoding: place },  // so that no line goes through the label
      { mark: label, encoding: { ...place, color: { condition: { test: "datum.beside", value: ink().quiet }, value: ink().text } } },
    ],
  };
}

function matrix(values, color, text, tooltip) {
  const x = { field: "predicted", type: "nominal", sort: null, title: word("page", "predicted"), axis: { labelAngle: -45, domain: false, ticks: false } };
  const y = { field: "actual", type: "nominal", sort: null, title: word("page", "actual"), axis: { domain: false, ticks: false } };
  return {
    data: { values }, layer: [
      { mark: { type: "rect", cursor: "pointer" }, encoding: { x, y, tooltip, color } },
      { transform: [{ filter: "datum.count !== 0" }], mark: { type: "text", fontSize: 11, cursor: "pointer" }, encoding: { x, y, tooltip, ...text } },
    ],
  };
}

function confusion({ variant }) {
  const { classes, counts } = data.confusion[variant];
  const values = counts.flatMap((row, actual) => row.map((count, predicted) => ({
    actual: classes[actual], predicted: classes[predicted], count, share: count / Math.max(row.reduce((a, b) => a + b), 1),
  })));
  const { text, empty, full } = ink();
  return matrix(
    values,
    { field: "share", type: "quantitative", legend: null, scale: { domain: [0, 1], range: [empty, full] } },
    { text: { field: "count", format: "," }, color: { condition: { test: "datum.share > 0.5", value: "#ffffff" }, value: text } },
    tooltips("page", ["actual", "predicted", "test_rows", "share"], ["actual", "predicted", "count", "share"]),
  );
}

// How many more test rows the second of two variants has in each cell than the first. Right ones are good to have, others not.
function confusions({ variants }) {
  const [one, other] = variants.map((variant) => data.confusion[variant]);
  const values = one.counts.flatMap((row, actual) => row.map((count, predicted) => ({
    actual: one.classes[actual], predicted: one.classes[predicted], count: other.counts[actual][predicted] - count,
    gain: (other.counts[actual][predicted] - count) * (actual === predicted ? 1 : -1),
  })));
  const most = Math.max(...values.map(({ count }) => Math.abs(count)), 1);
  const { text, empty } = ink();
  return matrix(
    values,
    { field: "gain", type: "quantitative", legend: null, scale: { domain: [-most, 0, most], range: ["#d55e00", empty, "#0072b2"], interpolate: "rgb", clamp: true } },
    { text: { field: "count", format: "+," }, color: { condition: { test: `abs(datum.gain) > ${most / 2}`, value: "#ffffff" }, value: text } },
    tooltips("page", ["actual", "predicted", "test_rows"], ["actual", "predicted", "count"]),
  );
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
