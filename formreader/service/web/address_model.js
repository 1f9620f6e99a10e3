// Which view an address leads to.

/** The view of the first route, [pattern, view], that fits an address, and the words that its
 *  pattern takes from it; null where there is none, or a word is no text (%ff). */
export function viewAt(address, routes) {
  for (const [pattern, view] of routes) {
    const found = pattern.exec(address);
    if (!found) continue;
    try {
      return [view, found.slice(1).map(decodeURIComponent)];
    } catch {
      return null;
    }
  }
  return null;
}
