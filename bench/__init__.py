"""Speed of the client API, as ratios to a bare Django view on the same server: `./dev bench`, docs/performance.md."""
