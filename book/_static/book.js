// Roles and labels that the theme sets and that are not valid where they stand.
document.addEventListener("DOMContentLoaded", () => {
  for (const el of document.querySelectorAll(".search-button-field, .theme-switch-button, summary[aria-label]"))
    el.removeAttribute("aria-label");
  for (const el of document.querySelectorAll(".citation-list[role=list], [role=doc-biblioentry]"))
    el.removeAttribute("role");
});
