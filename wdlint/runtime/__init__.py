"""The part of wdlint that runs torch: demonstrations, audits, probes. `import wdlint` never loads it."""
