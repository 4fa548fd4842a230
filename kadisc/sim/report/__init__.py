"""Reports on results: tables and charts in one HTML page. It may import `sweep` and
everything below it. Start with `page.py`.
"""
