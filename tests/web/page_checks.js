// Run in a page by test_in_the_browser.py: what is wrong with it, as a list of plain lines.
() => {
  const parse = (color) => {
    const numbers = color.match(/[\d.]+/g).map(Number);
    return color.startsWith("color(") ? [...numbers.slice(0, 3).map((part) => part * 255), numbers[3] ?? 1] : numbers;
  };
  const channel = (value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if ((color[3] ?? 1) > 0.99) return color;
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const name = (element) => `${element.tagName} ${element.textContent.trim().slice(0, 40) || element.id}`;
  const all = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
  const has_text = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());

  const problems = [];
  for (const element of all("body *"))
    if (has_text(element) && !element.closest(".hp, option, select") && contrast(element) < 4.5)
      problems.push(`hard to read (${contrast(element).toFixed(2)}): ${name(element)}`);
  const targets = "button, .button, summary, select, .chip, .links a, .brand, input:not([type=hidden], [type=radio], [type=checkbox])";
  for (const element of all(targets))
    if (!element.closest(".hp") && element.getBoundingClientRect().height < 43.5) problems.push(`too small to tap: ${name(element)}`);
  for (const element of all("input:not([type=hidden]), select"))
    if (!element.labels.length) problems.push(`without a label: ${name(element)}`);
  for (const element of document.querySelectorAll("[aria-describedby]"))
    for (const id of element.getAttribute("aria-describedby").trim().split(/\s+/))
      if (!document.getElementById(id)) problems.push(`described by nothing (${id}): ${name(element)}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`twice on the page: #${id}`);
  if (document.querySelectorAll("h1").length !== 1) problems.push("a page has one main heading");
  if (document.documentElement.scrollWidth > innerWidth) problems.push("scrolls sideways");
  return problems;
}
