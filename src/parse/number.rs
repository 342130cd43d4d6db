//! Packet marks and routing tables: numbers of 32 bits.

use super::{ValueError, decimal};

/// The numbers of the tables `default`, `main` and `local` (`linux/rtnetlink.h`, `rt_class_t`).
const OWN_TABLES: [u32; 3] = [253, 254, 255];

/// A packet mark, in decimal or with `0x` in hexadecimal digits.
pub fn mark(text: &str) -> Result<u32, ValueError> {
    number(text).ok_or_else(|| ValueError::Mark(text.to_owned()))
}

/// A packet mark other than 0, the mark of packets that were not marked.
pub fn nonzero_mark(text: &str) -> Result<u32, ValueError> {
    match mark(text)? {
        0 => Err(ValueError::MarkOfAll),
        mark => Ok(mark),
    }
}

/// A routing table of which every route may be taken, in decimal or with `0x` in hexadecimal digits.
pub fn routing_table(text: &str) -> Result<u32, ValueError> {
    match number(text) {
        None | Some(0) => Err(ValueError::RoutingTable(text.to_owned())),
        Some(table) if OWN_TABLES.contains(&table) => Err(ValueError::TableInUse(table)),
        Some(table) => Ok(table),
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // `from_str_radix` takes a plus sign.
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => decimal(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_decimal_or_hexadecimal() {
        for (text, number) in [
            ("1337", 1337),
            ("0x539", 1337),
            ("0X53a", 1338),
            ("0xFFFFFFFF", u32::MAX),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(mark(text), Ok(number), "{text:?}");
        }
        for text in [
            "",
            "0x",
            "0x+1",
            "+1",
            "-1",
            "4294967296",
            "0x100000000",
            "53a",
        ] {
            assert_eq!(mark(text), Err(ValueError::Mark(text.to_owned())));
            assert_eq!(
                routing_table(text),
                Err(ValueError::RoutingTable(text.to_owned()))
            );
        }
    }

    #[test]
    fn refuses_marks_and_tables_of_all_packets() {
        assert_eq!(nonzero_mark("0x0"), Err(ValueError::MarkOfAll));
        assert_eq!(
            routing_table("0"),
            Err(ValueError::RoutingTable("0".to_owned()))
        );
        for table in OWN_TABLES {
            assert_eq!(
                routing_table(&table.to_string()),
                Err(ValueError::TableInUse(table))
            );
        }
        assert_eq!(routing_table("252"), Ok(252));
        assert_eq!(routing_table("0x100"), Ok(256));
    }
}
