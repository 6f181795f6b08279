"use strict";
// The headers of a `.sortable` table become buttons that order its rows: numbers as numbers, words as French dictionaries do.
// A cell whose words do not say its order has it in `data-sort`.
const french = new Intl.Collator("fr", { numeric: true });
const aNumber = /^[-−+]?\d[\d\s]*(?:,\d+)?/;

const wordsOf = (cell) => (cell?.dataset.sort ?? cell?.textContent ?? "").trim();
const isBlank = (words) => words === "" || words === "–";
const numberOf = (words) => Number(words.match(aNumber)[0].replace(/\s/g, "").replace("−", "-").replace(",", "."));

function compareColumn(rows, column) {
  const words = new Map(rows.map((row) => [row, wordsOf(row.cells[column])]));
  const areNumbers = [...words.values()].every((each) => isBlank(each) || aNumber.test(each));
  const compare = areNumbers
    ? (one, other) => numberOf(words.get(one)) - numberOf(words.get(other))
    : (one, other) => french.compare(words.get(one), words.get(other));
  // blanks come last, either way
  return (way) => (one, other) => {
    const isOne = isBlank(words.get(one)), isOther = isBlank(words.get(other));
    return isOne || isOther ? isOne - isOther : way * compare(one, other);
  };
}

function sort(table, header) {
  const way = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  const body = table.tBodies[0], rows = [...body.rows];
  rows.sort(compareColumn(rows, header.cellIndex)(way === "ascending" ? 1 : -1));
  body.append(...rows);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", way);
}

function prepare(within) {
  for (const table of within.querySelectorAll("table.sortable:not(.sorts)")) {
    table.classList.add("sorts");
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  }
}

prepare(document);
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt.parentElement ?? document));
