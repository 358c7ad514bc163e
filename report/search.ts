/** Looking through a long table: without a script all of it is shown, and the field to type in is not. */

/** The field over the table that follows in the next element. */
export const SEARCH_BAR = `<form class="filter search" hidden><label>search <input type="search"></label>` +
  `<span role="status"></span></form>`;

/** Runs in the page: shows the field, and hides the rows without the words typed. */
export const SEARCH_SCRIPT = `
for (const form of document.querySelectorAll("form.search")) {
  const rows = [...form.nextElementSibling.querySelectorAll("tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const update = () => {
    const words = form.querySelector("input").value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const isShown = words.every((word) => texts[index].includes(word));
      row.hidden = !isShown;
      if (isShown) shown++;
    });
    form.querySelector("[role=status]").textContent = shown + " of " + rows.length + " shown";
  };
  form.hidden = false;
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.reset();
  update();
}
`;
