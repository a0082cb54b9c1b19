// Everything works without this file. It saves one choice: the time zone.
(() => {
  "use strict";
  const select = document.querySelector("select[data-guess-zone]");
  if (!select || select.value) return;
  let zone;
  try {
    zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch {
    return;
  }
  if (!zone || !(zone.includes("/") || zone === "UTC")) return;
  // Browsers still know some zones by an older name than the list does; the server takes both.
  if (![...select.options].some((option) => option.value === zone)) select.add(new Option(zone, zone), 1);
  select.value = zone;
  const hint = document.getElementById(select.id + "-hint");
  if (hint) hint.textContent += " Taken from your browser.";
})();
