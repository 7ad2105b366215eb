"""The engine: bounded pools of HTTP/1.1 connections, one for each upstream."""
