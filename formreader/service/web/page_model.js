// The boxes of a page: their order, which lies next to which, and the zoom.

export const ZOOMS = [1, 1.5, 2, 3, 4, 6];

/** All boxes of a page, field by field, each with what the display needs of its field. */
export function boxesOf(readings) {
  return readings.flatMap((field) => field.digits.map((digit, i) => ({
    ...digit, index: i, field: field.field, name: field.name || String(field.field), count: field.digits.length,
  })));
}

const middle = ({ place }) => ({ x: place.x + place.width / 2, y: place.y + place.height / 2 });

/** The index of the box that an arrow key leads to from the box `at`. */
export function neighbour(boxes, at, key) {
  if (boxes.length === 0) return -1;
  if (at < 0) return 0;
  const last = boxes.length - 1;
  const along = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[key];
  if (along !== undefined) return Math.max(0, Math.min(last, along));
  const way = key === "ArrowDown" ? 1 : -1;
  const from = middle(boxes[at]);
  const room = boxes[at].place.height / 2;
  let best = at;
  let bestCost = Infinity;
  boxes.forEach((box, i) => {
    const to = middle(box);
    const down = (to.y - from.y) * way;
    // Boxes of the next row count before such as are further down but more exactly below.
    const cost = down + Math.abs(to.x - from.x) / 2;
    if (down > room && cost < bestCost) [best, bestCost] = [i, cost];
  });
  return best;
}

/** The zoom one step larger or smaller. */
export function zoomed(zoom, step) {
  const at = ZOOMS.indexOf(zoom);
  return ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, at + step))];
}

/** How wide a picture to ask for, in steps, so that zooming asks rarely. */
export function pictureWidth(cssWidth, pixelRatio, pageWidth) {
  const wanted = cssWidth * pixelRatio;
  const step = [400, 800, 1600, 2400, 3600].find((width) => width >= wanted) ?? 3600;
  return Math.min(step, Math.max(1, pageWidth));
}

/** What a field's crops need as background, so that crop `i` of `n` shows. */
export function cropPosition(i, n) {
  return { size: `${100 * n}% 100%`, position: n > 1 ? `${(100 * i) / (n - 1)}% 0` : "0 0" };
}
