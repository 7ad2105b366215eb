"""What a team needs to watch a server: alerting rules for Prometheus, and a dashboard for Grafana."""
