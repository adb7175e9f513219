// --- Light and dark

const system = matchMedia("(prefers-color-scheme: dark)");
const theme = document.getElementById("theme");
let printing = false;
const HALF_A_PAGE = 335;  // CSS pixels, of the width of A4 and of Letter: scaled from the screen's, words would be small
const isDark = () => !printing && (theme.value === "auto" ? system.matches : theme.value === "dark");

function paint() {
  if (theme.value === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  redraw();
}
