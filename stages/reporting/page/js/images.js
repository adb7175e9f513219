// --- Images, drawn of packed pixels and weights when what they stand in is opened

const SHADES = {
  gray: (value) => [0, 0, 0, value],
  signed: (value) => (value < 0 ? [0, 114, 178, -2 * value] : [213, 94, 0, 2 * value]),
};
const sheets = {};  // by data set: the pixels of its images by row

async function readSheet(dataset) {
  const { width, height, rows } = document.getElementById(`pixels-${dataset}`).dataset;
  const pixels = new Uint8Array(await (await unpacked(`pixels-${dataset}`)).arrayBuffer());
  const size = width * height;
  return new Map(rows.split(" ").map((row, place) => [row, pixels.subarray(place * size, (place + 1) * size)]));
}

function paintImage(canvas, values, shade) {
  const image = new ImageData(canvas.width, canvas.height);
  for (const [place, value] of values.entries()) image.data.set(shade(value), 4 * place);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

async function imagesIn(within) {
  for (const canvas of all("canvas[data-weights]", within)) {
    const values = Int8Array.from(atob(canvas.dataset.weights), (each) => each.charCodeAt(0));
    paintImage(canvas, values, SHADES.signed);
  }
  for (const canvas of all("canvas[data-row]", within)) {
    const { dataset, row } = canvas.dataset;
    sheets[dataset] ??= readSheet(dataset);
    paintImage(canvas, (await sheets[dataset]).get(row), SHADES.gray);
  }
}
