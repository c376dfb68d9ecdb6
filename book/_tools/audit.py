"""Open every built page in headless Chromium and print what a reader should not meet.

    python book/_tools/audit.py _build/html [--screenshots DIRECTORY]

Each page is opened at desktop and phone width, in light and dark, with everything outside the book blocked. Counted are
requests that left the book, missing files and console errors, pixels by which the page is too wide, violations of WCAG
A and AA that axe-core finds, and images without an alternative text (the hash of a file does not count as one). Any of
them makes the exit status 1.

Needs Chromium (a name on the PATH, or the environment variable CHROMIUM), the package playwright, and axe-core below
node_modules; `make audit` fetches the last two.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import sys
import threading
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
AXE = Path("node_modules/axe-core/axe.min.js")

OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
MISSING_ALT = r"""() => [...document.querySelectorAll("main img")]
  .filter(img => !img.alt.trim() || /^[0-9a-f]{16,}/.test(img.alt) || /\.(svg|png)$/.test(img.alt))
  .map(img => img.src.split("/").pop().slice(0, 60))"""
VIOLATIONS = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const result = await axe.run(document, {runOnly: tags});
  const places = nodes => nodes.slice(0, 3).map(node => node.target.join(" ")).join(" | ");
  return result.violations.map(violation => `${violation.id} at ${places(violation.nodes)}`);
}"""


@dataclass
class Findings:
    """What one page showed in one combination of width and theme."""

    external: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    overflow: int = 0
    axe: list[str] = field(default_factory=list)
    alt: list[str] = field(default_factory=list)

    def counts(self) -> tuple[int, ...]:
        return len(self.external), len(self.errors), self.overflow, len(self.axe), len(self.alt)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def open_page(browser, base: str, page: str, width: int, theme: str, screenshots: Path | None) -> Findings:
    """Open one page of the book and collect its findings."""
    found = Findings()
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    tab = context.new_page()

    def route(route):
        if route.request.url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            found.external.append(route.request.url)
            route.abort()

    def response(answer):
        if answer.status >= 400:
            found.errors.append(f"{answer.status} {answer.url.removeprefix(base)}")

    def console(message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            found.errors.append(message.text[:160])

    tab.route("**/*", route)
    tab.on("response", response)
    tab.on("pageerror", lambda error: found.errors.append(str(error)[:160]))
    tab.on("console", console)
    tab.goto(f"{base}/{page}", wait_until="networkidle")
    found.overflow = max(0, tab.evaluate(OVERFLOW))
    if screenshots:
        tab.screenshot(path=screenshots / f"{Path(page).stem}_{width}_{theme}.png", full_page=True)
    found.alt = tab.evaluate(MISSING_ALT)
    # What a page hides until it is asked for (solutions, code) is checked too.
    tab.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    tab.evaluate("() => document.querySelectorAll('.toggle-hidden').forEach(e => e.classList.remove('toggle-hidden'))")
    tab.evaluate("() => window.dispatchEvent(new Event('resize'))")  # a reader's click would tell the page
    # axe gives up on the contrast of text over a pseudo-element, which here is only the tint behind a box's title.
    tab.add_style_tag(content="*::before, *::after { content: none !important; }")
    tab.wait_for_timeout(300)
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found.axe = tab.evaluate(VIOLATIONS)
    found.overflow = max(found.overflow, tab.evaluate(OVERFLOW))
    context.close()
    return found


def is_redirect(path: Path) -> bool:
    """Whether a page only sends the reader on, as the root index.html of a jupyter-book does."""
    text = path.read_text(encoding="utf-8")
    return len(text) < 500 and 'http-equiv="Refresh"' in text


def find_chromium() -> str:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not found:
        sys.exit(
            f"audit: found no Chromium under the names {', '.join(CHROMIUM_NAMES)}. Install one (Debian: "
            "apt-get install chromium), or set CHROMIUM to the path of the program."
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("html", type=Path)
    parser.add_argument("--screenshots", type=Path)
    options = parser.parse_args()

    pages = sorted(
        path.relative_to(options.html).as_posix()
        for path in options.html.rglob("*.html")
        if "_static" not in path.parts and not is_redirect(path)
    )
    if not pages:
        sys.exit(f"audit: no page below {options.html}; run `make book` first")
    if not AXE.exists():
        sys.exit(f"audit: {AXE} is missing; `make audit` fetches it with npm (npm install --no-save axe-core)")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        sys.exit('audit: the package playwright is missing; install it with: pip install -e ".[audit]"')
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)

    chromium = find_chromium()
    handler = functools.partial(QuietHandler, directory=options.html)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"

    failed = 0
    columns = ("external", "errors", "overflow px", "axe", "no alt")
    print(f"{'page':<34}{'width':>6} {'theme':<6}" + "".join(f"{name:>12}" for name in columns))
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root, which is who runs this in a container.
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for page in pages:
            for width in WIDTHS:
                for theme in THEMES:
                    found = open_page(browser, base, page, width, theme, options.screenshots)
                    print(f"{page:<34}{width:>6} {theme:<6}" + "".join(f"{count:>12}" for count in found.counts()))
                    for line in dict.fromkeys([*found.external, *found.errors, *found.axe, *found.alt]):
                        print(f"    {line}")
                    failed += any(found.counts())
        browser.close()
    server.shutdown()
    total = len(pages) * len(WIDTHS) * len(THEMES)
    print(f"{len(pages)} pages, {total} views, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
