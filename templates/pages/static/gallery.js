// The filters of the index. Without this file every email is there, unfiltered.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  if (!form) return;
  const step = document.getElementById("f-step");
  const language = document.getElementById("f-language");
  const words = document.getElementById("f-words");
  const count = document.getElementById("f-count");
  const cards = [...document.querySelectorAll(".email")];
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      let within = 0;
      for (const line of card.querySelectorAll("[data-words]")) {
        line.hidden = !wanted.every((word) => line.dataset.words.includes(word));
        if (!line.hidden) within += 1;
      }
      const other = language && language.value && card.dataset.language !== language.value;
      card.hidden = other || (step.value && card.dataset.step !== step.value) || within === 0;
      card.querySelector("details").open = wanted.length > 0 || Boolean(step.value);
      if (!card.hidden) shown += within;
    }
    count.textContent = wanted.length || step.value ? `${shown} wordings` : "";
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
