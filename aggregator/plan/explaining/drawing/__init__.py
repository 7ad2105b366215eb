"""An endpoint, or a whole file, as a picture: a graph, drawn as mermaid or SVG."""
