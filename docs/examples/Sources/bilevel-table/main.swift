import BilevelTable

// Every number of the table in docs/bilevel.md, computed anew.
print(try bilevelTable().markdown)
