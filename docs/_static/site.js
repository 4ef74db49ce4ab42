// What scrolls can be reached by keyboard, and the two side bars have names of their own.
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("article pre, .table-wrapper")) box.tabIndex = 0;
  const names = { ".sidebar-drawer": "All pages", ".toc-drawer": "On this page" };
  for (const [place, name] of Object.entries(names))
    document.querySelector(place)?.setAttribute("aria-label", name);
});
