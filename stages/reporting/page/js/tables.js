// --- Sorting

function sort(heading) {
  const row = heading.parentElement;
  const column = [...row.children].indexOf(heading);
  const ascending = heading.ariaSort !== "ascending";
  for (const each of row.children) each.ariaSort = "none";
  heading.ariaSort = ascending ? "ascending" : "descending";
  const body = heading.closest("table").tBodies[0];
  const key = (line) => {
    const cell = line.children[column];
    const text = cell.dataset.sort ?? cell.textContent.trim();
    const number = Number(text.replaceAll(",", "").replace("−", "-"));
    return text === "" || text === "–" ? null : Number.isNaN(number) ? text : number;
  };
  const keyed = [...body.rows].map((line) => [key(line), line]);
  keyed.sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);  // what is missing comes last
    const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(other);
    return ascending ? order : -order;
  });
  body.append(...keyed.map(([, line]) => line));
}
