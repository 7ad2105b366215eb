"""In which order a request, an answer and a call meet what is around them: declared here, built by the runtime."""
