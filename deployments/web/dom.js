// The few lines of DOM that every module needs. Nothing here takes HTML from a string: file
// names and server texts can hold anything.

export const $ = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// `work` at most once in `ms`, however often it is asked for; a page in the background, which
// paints nothing, still has timers.
export function seldom(work, ms) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, ms);
  };
}

// Whether keys belong to what has the focus.
const TEXT = "input:not([type=checkbox], [type=radio], [type=file]), textarea, select, pre, dialog";

export function typing(target) {
  return target instanceof Element && Boolean(target.closest(TEXT));
}
