//! Where `CloudFront` answers: the codes of edge locations.
//!
//! A location is the IATA code of an airport nearby, a number and the kind of place: `FRA56-P4`. Source:
//! `CloudFront` Developer Guide, "Standard log file fields", `x-edge-location`. The table here has the cities
//! as AWS's public list of edge locations names them; for a code that it lacks, as AWS builds on, the city is
//! that of the airport, from a licensed set: see `data/NOTICE.md`.

use std::sync::LazyLock;

use super::country_name;

/// Lines of a code, a city and the code of its country, in the order of the codes.
const AIRPORTS: &str = include_str!("data/airports.tsv");

static BY_CODE: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let lines = AIRPORTS.lines();
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// A city with edge locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The city.
    pub city: &'static str,
    /// Its country.
    pub country: &'static str,
}

/// Where an edge location is; `None` if its code is not known.
pub fn edge(location: &str) -> Option<Edge> {
    let code = location.get(..3)?;
    let Ok(at) = EDGES.binary_search_by_key(&code, |(code, ..)| code) else {
        return airport(code);
    };
    let (_, city, country) = EDGES[at];
    Some(Edge { city, country })
}

fn airport(code: &str) -> Option<Edge> {
    let at = BY_CODE.binary_search_by_key(&code, |(code, _)| code).ok()?;
    let (city, country) = BY_CODE[at].1.split_once('\t')?;
    let country = country_name(country).unwrap_or(country);
    Some(Edge { city, country })
}

/// In the order of the codes.
#[rustfmt::skip]
const EDGES: &[(&str, &str, &str)] = &[
    ("ACC", "Accra", "Ghana"),
    ("ADD", "Addis Ababa", "Ethiopia"),
    ("AKL", "Auckland", "New Zealand"),
    ("AMM", "Amman", "Jordan"),
    ("AMS", "Amsterdam", "Netherlands"),
    ("ANC", "Anchorage", "United States"),
    ("ARN", "Stockholm", "Sweden"),
    ("ASU", "Asunción", "Paraguay"),
    ("ATH", "Athens", "Greece"),
    ("ATL", "Atlanta", "United States"),
    ("BAH", "Manama", "Bahrain"),
    ("BCN", "Barcelona", "Spain"),
    ("BEG", "Belgrade", "Serbia"),
    ("BER", "Berlin", "Germany"),
    ("BGW", "Baghdad", "Iraq"),
    ("BHX", "Birmingham", "United Kingdom"),
    ("BJS", "Beijing", "China"),
    ("BKK", "Bangkok", "Thailand"),
    ("BLR", "Bengaluru", "India"),
    ("BNA", "Nashville", "United States"),
    ("BNE", "Brisbane", "Australia"),
    ("BOG", "Bogotá", "Colombia"),
    ("BOM", "Mumbai", "India"),
    ("BOS", "Boston", "United States"),
    ("BRU", "Brussels", "Belgium"),
    ("BSB", "Brasília", "Brazil"),
    ("BTS", "Bratislava", "Slovakia"),
    ("BUD", "Budapest", "Hungary"),
    ("CAI", "Cairo", "Egypt"),
    ("CBR", "Canberra", "Australia"),
    ("CCU", "Kolkata", "India"),
    ("CDG", "Paris", "France"),
    ("CGK", "Jakarta", "Indonesia"),
    ("CHC", "Christchurch", "New Zealand"),
    ("CLO", "Cali", "Colombia"),
    ("CLT", "Charlotte", "United States"),
    ("CMH", "Columbus", "United States"),
    ("CPH", "Copenhagen", "Denmark"),
    ("CPT", "Cape Town", "South Africa"),
    ("CWB", "Curitiba", "Brazil"),
    ("DEL", "Delhi", "India"),
    ("DEN", "Denver", "United States"),
    ("DFW", "Dallas", "United States"),
    ("DOH", "Doha", "Qatar"),
    ("DTW", "Detroit", "United States"),
    ("DUB", "Dublin", "Ireland"),
    ("DUR", "Durban", "South Africa"),
    ("DUS", "Düsseldorf", "Germany"),
    ("DXB", "Dubai", "United Arab Emirates"),
    ("EDI", "Edinburgh", "United Kingdom"),
    ("EWR", "Newark", "United States"),
    ("EZE", "Buenos Aires", "Argentina"),
    ("FCO", "Rome", "Italy"),
    ("FJR", "Fujairah", "United Arab Emirates"),
    ("FLN", "Florianópolis", "Brazil"),
    ("FOR", "Fortaleza", "Brazil"),
    ("FRA", "Frankfurt", "Germany"),
    ("GIG", "Rio de Janeiro", "Brazil"),
    ("GRU", "São Paulo", "Brazil"),
    ("GVA", "Geneva", "Switzerland"),
    ("HAM", "Hamburg", "Germany"),
    ("HAN", "Hanoi", "Vietnam"),
    ("HEL", "Helsinki", "Finland"),
    ("HIO", "Hillsboro", "United States"),
    ("HKG", "Hong Kong", "Hong Kong"),
    ("HND", "Tokyo", "Japan"),
    ("HNL", "Honolulu", "United States"),
    ("HYD", "Hyderabad", "India"),
    ("IAD", "Ashburn", "United States"),
    ("IAH", "Houston", "United States"),
    ("ICN", "Seoul", "South Korea"),
    ("IND", "Indianapolis", "United States"),
    ("IST", "Istanbul", "Türkiye"),
    ("JAX", "Jacksonville", "United States"),
    ("JED", "Jeddah", "Saudi Arabia"),
    ("JFK", "New York", "United States"),
    ("JNB", "Johannesburg", "South Africa"),
    ("KBP", "Kyiv", "Ukraine"),
    ("KHI", "Karachi", "Pakistan"),
    ("KIX", "Osaka", "Japan"),
    ("KUL", "Kuala Lumpur", "Malaysia"),
    ("LAS", "Las Vegas", "United States"),
    ("LAX", "Los Angeles", "United States"),
    ("LCA", "Larnaca", "Cyprus"),
    ("LED", "Saint Petersburg", "Russia"),
    ("LHR", "London", "United Kingdom"),
    ("LIM", "Lima", "Peru"),
    ("LIS", "Lisbon", "Portugal"),
    ("LOS", "Lagos", "Nigeria"),
    ("LUX", "Luxembourg", "Luxembourg"),
    ("MAA", "Chennai", "India"),
    ("MAD", "Madrid", "Spain"),
    ("MAN", "Manchester", "United Kingdom"),
    ("MBA", "Mombasa", "Kenya"),
    ("MCI", "Kansas City", "United States"),
    ("MCT", "Muscat", "Oman"),
    ("MEL", "Melbourne", "Australia"),
    ("MEX", "Mexico City", "Mexico"),
    ("MIA", "Miami", "United States"),
    ("MNL", "Manila", "Philippines"),
    ("MRS", "Marseille", "France"),
    ("MSP", "Minneapolis", "United States"),
    ("MUC", "Munich", "Germany"),
    ("MXP", "Milan", "Italy"),
    ("NAG", "Nagpur", "India"),
    ("NBO", "Nairobi", "Kenya"),
    ("NGO", "Nagoya", "Japan"),
    ("NRT", "Tokyo", "Japan"),
    ("ORD", "Chicago", "United States"),
    ("ORY", "Paris", "France"),
    ("OSL", "Oslo", "Norway"),
    ("OTP", "Bucharest", "Romania"),
    ("PDX", "Portland", "United States"),
    ("PER", "Perth", "Australia"),
    ("PHL", "Philadelphia", "United States"),
    ("PHX", "Phoenix", "United States"),
    ("PIT", "Pittsburgh", "United States"),
    ("PMO", "Palermo", "Italy"),
    ("PNQ", "Pune", "India"),
    ("POA", "Porto Alegre", "Brazil"),
    ("PRG", "Prague", "Czechia"),
    ("QRO", "Querétaro", "Mexico"),
    ("RIO", "Rio de Janeiro", "Brazil"),
    ("RUH", "Riyadh", "Saudi Arabia"),
    ("SCL", "Santiago", "Chile"),
    ("SEA", "Seattle", "United States"),
    ("SFO", "San Francisco", "United States"),
    ("SGN", "Ho Chi Minh City", "Vietnam"),
    ("SHA", "Shanghai", "China"),
    ("SIN", "Singapore", "Singapore"),
    ("SLC", "Salt Lake City", "United States"),
    ("SOF", "Sofia", "Bulgaria"),
    ("STL", "St. Louis", "United States"),
    ("SVO", "Moscow", "Russia"),
    ("SYD", "Sydney", "Australia"),
    ("SZX", "Shenzhen", "China"),
    ("TLL", "Tallinn", "Estonia"),
    ("TLV", "Tel Aviv", "Israel"),
    ("TPA", "Tampa", "United States"),
    ("TPE", "Taipei", "Taiwan"),
    ("TUN", "Tunis", "Tunisia"),
    ("TXL", "Berlin", "Germany"),
    ("VIE", "Vienna", "Austria"),
    ("WAW", "Warsaw", "Poland"),
    ("WLG", "Wellington", "New Zealand"),
    ("YTO", "Toronto", "Canada"),
    ("YUL", "Montreal", "Canada"),
    ("YVR", "Vancouver", "Canada"),
    ("YYC", "Calgary", "Canada"),
    ("YYZ", "Toronto", "Canada"),
    ("ZAG", "Zagreb", "Croatia"),
    ("ZHY", "Zhongwei", "China"),
    ("ZRH", "Zurich", "Switzerland"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_cities() {
        assert!(EDGES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(BY_CODE.is_sorted_by(|one, next| one.0 < next.0));
        assert_eq!(BY_CODE.len(), AIRPORTS.lines().count());
        for (location, city) in [
            ("FRA56-P4", Some("Frankfurt")),
            ("SFO53-C1", Some("San Francisco")),
            ("GRU3-C1", Some("São Paulo")),
            ("KEF50-P1", Some("Reykjavik")),
            ("ZZZ1", None),
            ("FR", None),
            ("é", None),
        ] {
            assert_eq!(edge(location).map(|edge| edge.city), city);
        }
    }
}
