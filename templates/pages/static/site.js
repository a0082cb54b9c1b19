// Everything works without this file. It guesses the time zone, shows the plan while you type, and takes files that are dropped.
(() => {
  "use strict";

  const guess_zone = (select) => {
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
    if (hint) hint.textContent += ` ${select.dataset.guessZone}`;
  };

  const element = (name, text, more = {}) => Object.assign(document.createElement(name), { textContent: text }, more);

  const item = (words, line) => {
    const found = element("li", "", { className: line.step ? "" : "day" });
    const core = line.instead_of.length ? words.core.replace("{titles}", line.instead_of.join(", ")) : "";
    found.append(element("b", line.when), element("span", line.title + core));
    return found;
  };

  const show_plan = (form) => {
    const asked_for = ["interview_date", "interview_time", "home_zone", "interview_zone", "mode"];
    const said = document.getElementById("plan-said");
    const lines = document.getElementById("plan-lines");
    const note = document.getElementById("plan-note");
    const words = JSON.parse(form.dataset.words);
    const at_first = [[...lines.childNodes], note.textContent];
    let last = "";
    let timer = 0;

    const show = (summary, items, below) => {
      said.replaceChildren(...summary);
      lines.replaceChildren(...items);
      note.textContent = below;
    };
    const ask = async (is_first) => {
      const typed = new FormData(form);
      const body = JSON.stringify(Object.fromEntries(asked_for.map((name) => [name, typed.get(name) || ""])));
      if (body === last) return;
      last = body;
      const { interview_date, home_zone, interview_zone } = JSON.parse(body);
      // While the year is being typed, it is the year 2, and 20, and 202.
      if (interview_date < "1900" || !(home_zone || interview_zone)) return show([], ...at_first);
      let answer, plan;
      try {
        answer = await fetch("/api/plan", { method: "POST", headers: { "Content-Type": "application/json" }, body });
        plan = await answer.json();
      } catch {
        return;
      }
      if (body !== last) return;
      // At first the page itself says what is wrong.
      if (answer.status === 422) return is_first ? undefined : show([Object.values(plan.errors).join(". ") + "."], ...at_first);
      if (!answer.ok) return;
      const link = element("a", words.see, { href: "#plan" });
      const place = plan.zone.split("/").pop().replaceAll("_", " ");
      show([plan.summary + " ", link], plan.lines.map((line) => item(words, line)), words.note.replace("{city}", place));
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => ask(false), 300);
    };
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    ask(true);
  };

  // A calendar file can be dropped anywhere on the form; it goes the way of the button beside its field.
  const take_files = (form, main) => {
    const field = form.querySelector("input[type=file]");
    const card = form.closest(".card");
    form.addEventListener("formdata", ({ formData }) => {
      for (const [name, value] of new FormData(main))
        if (!formData.has(name) && typeof value === "string") formData.append(name, value);
    });
    field.addEventListener("change", () => field.files.length && form.requestSubmit());
    const over = (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      card.classList.toggle("dropping", event.type === "dragover");
    };
    card.addEventListener("dragover", over);
    card.addEventListener("dragleave", over);
    card.addEventListener("drop", (event) => {
      over(event);
      if (!event.dataTransfer.files.length) return;
      form.closest("details").open = true;
      field.files = event.dataTransfer.files;
      form.requestSubmit();
    });
  };

  const select = document.querySelector("select[data-guess-zone]");
  if (select && !select.value) guess_zone(select);
  const form = document.querySelector("form[data-plan]");
  if (form) show_plan(form);
  const filler = document.querySelector("form[data-fills]");
  if (filler && form) take_files(filler, form);
})();
