"""`python -m deployments.health URL [URL ...]`: 0 when each answers 200. A container's health check, without curl.

What lives here: the standard library alone, so that a check every few seconds costs little. What may not: our rooms.
"""

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 5.0


def main(urls: list[str]) -> int:
    """0 when every address answers 200, 1 when one does not, 2 without an address."""
    if not urls:
        print("usage: python -m deployments.health URL [URL ...]", file=sys.stderr)
        return 2
    problems = [problem for problem in map(problem_of, urls) if problem]
    print("\n".join(problems) or "ok")
    return int(bool(problems))


def problem_of(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy must not answer for a neighbour
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return "" if answer.status == 200 else f"{url} answers {answer.status}"
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"{url}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
