"""The services of the demo upstream, one file each: data in, a small API out."""
