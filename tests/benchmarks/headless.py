"""Chromium without a window, in which benchmarks use the report as people do."""

from __future__ import annotations

import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# A key is pressed, and the time taken when the browser has drawn what follows:
# `requestAnimationFrame` is called before the frame is drawn, and the message after it.
PRESS = """
const [keys, done] = arguments;
const drawn = () => new Promise((resolve) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
}));
(async () => {
    const one = (await session).one, times = [];
    for (const key of keys) {
        const began = performance.now();
        document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        while (one.busy) await new Promise((resolve) => setTimeout(resolve));
        await drawn();
        times.push(performance.now() - began);
    }
    done(times);
})();
"""


def chromium(folder: Path) -> webdriver.Chrome:
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--enable-precise-memory-info",
        "--window-size=1200,900",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    driver = shutil.which("chromedriver")
    assert driver is not None, "it needs chromedriver"
    return webdriver.Chrome(options=options, service=Service(executable_path=driver))
