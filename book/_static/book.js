document.addEventListener("DOMContentLoaded", () => {
  // Roles and labels that the theme sets and that are not valid where they stand.
  for (const el of document.querySelectorAll(".search-button-field, .theme-switch-button, summary[aria-label]"))
    el.removeAttribute("aria-label");
  for (const el of document.querySelectorAll(".citation-list[role=list], [role=doc-biblioentry]"))
    el.removeAttribute("role");

  // What scrolls sideways can be reached and scrolled with the keyboard.
  const reach = () => {
    for (const el of document.querySelectorAll(".bd-content :is(table, pre)"))
      if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
      else el.removeAttribute("tabindex");
  };
  window.addEventListener("load", reach);
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  document.addEventListener("click", () => requestAnimationFrame(reach));
});
