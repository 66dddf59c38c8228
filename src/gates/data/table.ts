// Tables that are asked with names out of an object: "constructor" is in none of them, unlike in what {} inherits.

export function table<Row>(rows: Readonly<Record<string, Row>>): Readonly<Record<string, Row>> {
  return Object.assign(Object.create(null) as Record<string, Row>, rows);
}
