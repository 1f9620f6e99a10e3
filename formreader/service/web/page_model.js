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

export const BESIDE = 0.3; // width of the margin beside a page, in widths of the page

const GLYPH = 0.62; // width of a digit, in sizes of the font

/** What was read, in lines for the margin beside a page: fields side by side share one. Each line
 *  has its `fields`, the `y` of its middle and the `size` of its font, and is in nobody's way. */
export function linesBeside(readings, { width, height }) {
  const written = readings.filter((field) => field.value !== "").sort((a, b) => middle(a).y - middle(b).y);
  const lines = [];
  for (const field of written) {
    const line = lines.at(-1);
    const { y } = middle(field);
    if (line && y - line.y < Math.min(line.tall, field.place.height) / 2) line.fields.push(field);
    else lines.push({ y, tall: field.place.height, fields: [field] });
  }
  const most = Math.min(width / 40, (0.98 * height) / (1.25 * Math.max(1, lines.length)));
  let free = 0; // y from which on nothing is written
  for (const line of lines) {
    line.fields.sort((a, b) => a.place.x - b.place.x);
    const glyphs = line.fields.reduce((sum, { value }) => sum + value.length + 2, 0);
    line.size = Math.min(most, Math.max(line.tall, width / 60), (0.94 * BESIDE * width) / (GLYPH * glyphs));
    line.y = Math.max(line.y, free + line.size * 0.625);
    free = line.y + line.size * 0.625;
  }
  let end = height; // those that were pushed off the page move up again
  for (const line of [...lines].reverse()) {
    line.y = Math.min(line.y, end - line.size * 0.625);
    end = line.y - line.size * 0.625;
  }
  return lines.map(({ y, size, fields }) => ({ y, size, fields }));
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
