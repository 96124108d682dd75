-- A small shop for office furniture: what the demo's SQL tools answer from.
CREATE TABLE customers (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  city    TEXT NOT NULL,
  since   DATE NOT NULL
);
CREATE TABLE products (
  sku     TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  price   REAL NOT NULL,   -- euros
  stocked BOOLEAN NOT NULL
);
CREATE TABLE orders (
  id       INTEGER PRIMARY KEY,
  customer INTEGER NOT NULL REFERENCES customers (id),
  placed   DATE NOT NULL,
  status   TEXT NOT NULL CHECK (status IN ('open', 'shipped', 'delivered', 'returned'))
);
CREATE TABLE order_lines (
  order_id INTEGER NOT NULL REFERENCES orders (id),
  sku      TEXT NOT NULL REFERENCES products (sku),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_id, sku)
);
CREATE INDEX orders_by_customer ON orders (customer);

INSERT INTO customers (id, name, city, since) VALUES
  (1, 'Adler & Söhne', 'Hamburg', '2019-03-04'), (2, 'Bakkerij Vos', 'Utrecht', '2020-07-19'),
  (3, 'Clinique du Lac', 'Annecy', '2018-01-30'), (4, 'Delta Surveyors', 'Cork', '2021-11-08'),
  (5, 'Estudio Norte', 'Bilbao', '2022-02-14'), (6, 'Fjord Logistics', 'Bergen', '2017-09-01'),
  (7, 'Galleria Ponti', 'Torino', '2023-05-22'), (8, 'Hilltop Academy', 'Leeds', '2020-10-05');

INSERT INTO products (sku, name, price, stocked) VALUES
  ('CHR-100', 'Task chair', 189.00, TRUE), ('CHR-200', 'Executive chair', 420.00, TRUE),
  ('DSK-140', 'Desk, 140 cm', 310.50, TRUE), ('DSK-180', 'Standing desk, 180 cm', 745.00, TRUE),
  ('LMP-010', 'Desk lamp', 49.90, TRUE), ('SHF-300', 'Bookshelf', 129.00, TRUE),
  ('CAB-050', 'Filing cabinet', 210.00, FALSE), ('SCR-075', 'Acoustic screen', 165.00, TRUE);

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 240)
INSERT INTO orders (id, customer, placed, status)
SELECT 1000 + i, 1 + (i * 7) % 8, date('2025-01-06', '+' || (i * 2) || ' days'),
       CASE WHEN i > 225 THEN 'open' WHEN i > 210 THEN 'shipped' WHEN i % 17 = 0 THEN 'returned' ELSE 'delivered' END
FROM n;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 240),
  p(k, sku) AS (SELECT row_number() OVER (ORDER BY sku), sku FROM products)
INSERT INTO order_lines (order_id, sku, quantity)
SELECT 1000 + i, sku, 1 + (i * k) % 6 FROM n JOIN p ON (i + k) % 3 = 0 OR k = 1 + i % 8;
