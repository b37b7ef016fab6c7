/* Rows of questions in the admin: added, removed and moved; without this, numbers and ticks do the same. */
"use strict";

(() => {
  const has = { choice: ["options"], multi: ["options"], integer: ["min", "max"], number: ["min", "max"] };

  function part(row, name) {
    return row.querySelector(`[data-field="${name}"]`);
  }

  function input(row, name) {
    return part(row, name).querySelector("input, select, textarea");
  }

  function fit(row) {
    const shown = has[input(row, "type").value] || [];
    for (const name of ["options", "min", "max"]) {
      // What is filled in stays in sight: it would be refused, and nobody would see why.
      part(row, name).hidden = !shown.includes(name) && input(row, name).value === "";
    }
    const key = input(row, "key").value;
    row.querySelector("legend").textContent = key ? `Question ${key}` : "New question";
  }

  function number(list) {
    let place = 0;
    for (const row of list.children) {
      if (!row.hidden) place += 1;
      input(row, "ORDER").value = place;
    }
  }

  function wire(list, row) {
    part(row, "ORDER").hidden = true;
    part(row, "DELETE").hidden = true;
    row.querySelector(".question-moves").hidden = false;
    row.addEventListener("input", () => fit(row));
    row.addEventListener("change", () => fit(row));
    row.addEventListener("click", (event) => {
      const move = event.target.dataset.move;
      if (move === "up" && row.previousElementSibling) row.previousElementSibling.before(row);
      else if (move === "down" && row.nextElementSibling) row.nextElementSibling.after(row);
      else if (move === "remove") {
        input(row, "DELETE").checked = true;
        row.hidden = true;
      } else return;
      number(list);
      if (move !== "remove") event.target.focus();
    });
    fit(row);
  }

  function start(rows) {
    const list = rows.querySelector(".question-list");
    const total = rows.querySelector(`[name="${rows.dataset.prefix}-TOTAL_FORMS"]`);
    const template = rows.querySelector("template");
    const add = rows.querySelector(".question-add");
    for (const row of list.children) wire(list, row);
    number(list);
    add.hidden = false;
    add.addEventListener("click", () => {
      const made = document.createElement("ol");
      made.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
      const row = made.firstElementChild;
      total.value = Number(total.value) + 1;
      list.append(row);
      wire(list, row);
      number(list);
      input(row, "key").focus();
    });
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".question-rows").forEach(start));
})();
