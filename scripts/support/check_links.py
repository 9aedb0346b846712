"""Fails unless every link within a site of HTML files leads to a file and a place that are there.

usage: check_links.py FOLDER
"""

import pathlib
import sys
import urllib.parse
from html.parser import HTMLParser


class Page(HTMLParser):
    """What a page refers to, and the places in it that can be referred to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def main(folder):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    if not pages:
        sys.exit(f"{folder} holds no page")
    broken, count = set(), 0
    for path, page in pages.items():
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            # Of the page for missing pages, links begin at the site's root.
            if url.scheme or url.netloc or path.name == "404.html":
                continue
            count += 1
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            if target.is_dir():
                target /= "index.html"
            place = urllib.parse.unquote(url.fragment)
            if not target.is_file():
                broken.add(f"{path.relative_to(folder)}: `{link}` leads nowhere")
            elif place and target in pages and place not in pages[target].places:
                broken.add(f"{path.relative_to(folder)}: there is no `#{place}` in `{target.relative_to(folder)}`")
    for problem in sorted(broken):
        print(problem, file=sys.stderr)
    if broken:
        sys.exit(1)
    print(f"{count} links within {len(pages)} pages are whole")


main(pathlib.Path(sys.argv[1]).resolve())
