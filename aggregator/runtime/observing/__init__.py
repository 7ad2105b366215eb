"""What is shown of requests beside what became of them: fields of the operator, and their traces."""
