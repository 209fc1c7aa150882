"use strict";
const collator = new Intl.Collator("en", { numeric: true });
const number = (text) => (/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN);

function compare(one, other) {
  const [a, b] = [number(one), number(other)];
  return Number.isNaN(a) || Number.isNaN(b) ? collator.compare(one, other) : a - b;
}

function sort(heading) {
  const descending = heading.ariaSort === "ascending";
  const body = heading.closest("table").tBodies[0];
  const column = heading.cellIndex;
  const rows = [...body.rows].map((row) => [row.cells[column].innerText.trim().replaceAll("−", "-"), row]);
  // empty entries stay last in both directions
  rows.sort(([a], [b]) => (!a || !b ? !a - !b : compare(a, b) * (descending ? -1 : 1)));
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.ariaSort = descending ? "descending" : "ascending";
  body.append(...rows.map(([, row]) => row));
}

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(button.parentElement));
}
