"""The parts of bench/run: what is measured (rows), in what (subjects), how (measure), and how it is shown (report, chart)."""
