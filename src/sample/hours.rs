//! Four weeks of Studio Nord's time.

use super::data::Who::{self, Amara, Jonas, Lena};
use super::work::{Spent, spent, unpaid};

/// A working day for each line, the last one is today. Nobody writes down every minute.
pub(super) const HOURS: &[(Who, &[&[Spent]])] = &[(Lena, LENA), (Jonas, JONAS), (Amara, AMARA)];

const LENA: &[&[Spent]] = &[
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(150, "Legal texts for the back", "Corrections from the laboratory"),
        spent(90, "Order four displays", "Three suppliers on the phone"),
    ],
    &[
        spent(120, "Field notes from both tours", "Read Jonas's notes, sorted what Klaus must see"),
        spent(75, "QUAY", "Kick-off with Tuva"),
        unpaid(120, "Invoices for last month", ""),
    ],
    &[spent(180, "A first list of 120 projects", "Bristol: plan chests with Eleanor"), spent(150, "ARC", "Travel")],
    &[spent(60, "OIL", "Call with Carmen: delivery dates"), unpaid(90, "STU", "Applications for the internship")],
    &[
        spent(45, "Order four displays", "Questions about warranty at sea"),
        spent(105, "MENU", "First meeting with Declan, in the kitchen"),
        unpaid(60, "Invoices for last month", "Reminder to one client, kindly"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(120, "Type that can be read through rain", "Reader number six, without glasses"),
        unpaid(90, "Show museums what we can do", "Looked through old work"),
    ],
    &[spent(135, "Who may show what", "Letter drafted with Eleanor"), spent(60, "Order four displays", "")],
    &[
        spent(90, "NIGHT", "Call with Emre about the works council"),
        spent(75, "Salt spray certificate for the housings", "Asked, asked again"),
        unpaid(60, "Notes by Scribe: keep it or stop it?", "Set it up with last week's notes"),
    ],
    &[spent(150, "Who may show what", "Found addresses for seven offices"), unpaid(60, "STU", "Bookkeeper")],
    &[
        spent(45, "Order four displays", "Ordered"),
        spent(120, "Room directory: the English text", "34 pages read, 22 crossed out"),
        unpaid(75, "STU", "Newsletter planning with Amara"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(90, "Who may show what", "Sent the letters"),
        spent(120, "Letter to the works council", "First draft"),
    ],
    &[
        spent(150, "Room directory: the English text", "From 20 pages to 12"),
        spent(60, "QUAY", "Status with Ingrid and Tuva"),
    ],
    &[
        spent(45, "Salt spray certificate for the housings", "Second reminder"),
        spent(75, "Consent of all five drivers", "Three signed"),
        unpaid(120, "Concept for “City of Paper”", "Talked it through with Jonas"),
    ],
    &[spent(180, "French", "Breakfast, boat and doctor"), unpaid(60, "What we do, in one sentence", "Drafts 7 to 12")],
    &[
        unpaid(90, "Invoices for last month", "All paid but one"),
        spent(60, "Consent of all five drivers", "The fourth"),
        spent(45, "ARC", "Call with Tobias about the opening evening"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(105, "Letter to the works council", "Second draft, shorter"),
        spent(60, "Salt spray certificate for the housings", "Third reminder, with a date"),
    ],
    &[
        spent(120, "Decide how late departures are shown", "Tried the three versions on Ingrid"),
        spent(75, "Who may show what", "Two answers, one of them a question"),
        unpaid(60, "Choose between two interns", "Talks"),
    ],
    &[
        spent(90, "Eleven findings, one page each", "Read all of them as Klaus would"),
        spent(120, "French", "Corrections"),
        unpaid(45, "What we do, in one sentence", "Drafts 13 to 19"),
    ],
    &[
        spent(60, "Room directory: the English text", "One page for the window alone"),
        spent(45, "Irish", "Declan's aunt, by telephone"),
        unpaid(60, "Choose between two interns", "Looked at both portfolios again"),
    ],
    &[
        spent(45, "Salt spray certificate for the housings", "Asked for the deeper housing"),
        spent(30, "Decide how late departures are shown", "Call with Tuva"),
    ],
];

const JONAS: &[&[Spent]] = &[
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(240, "Photograph the bottles", "Set and light"),
        spent(60, "Measure the sightlines on all four quays", "Borrowed a laser from the architects"),
    ],
    &[
        spent(210, "Photograph the bottles", "Four bottles, one reflection"),
        spent(120, "Field notes from both tours", ""),
    ],
    &[
        spent(300, "Measure the sightlines on all four quays", "Bergen and Skarvik"),
        spent(120, "QUAY", "Ferry there and back"),
    ],
    &[
        spent(180, "Measure the sightlines on all four quays", "Halden North and Lyngøy, in hail"),
        spent(90, "Field notes from both tours", "Written up"),
    ],
    &[
        spent(150, "Get everything out of the old website", "Their editor saves spaces as pictures"),
        spent(180, "What gloves do to a touch screen", "Six gloves, two phones"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(210, "Get everything out of the old website", "Done; 431 pages, 1,200 pictures"),
        spent(60, "Ask Halden for a test account", ""),
    ],
    &[spent(240, "One project, one record: which fields?", "Day at the plan chests"), spent(120, "ARC", "Train")],
    &[
        spent(150, "One project, one record: which fields?", "Wrote it down, Eleanor crossed out half"),
        spent(150, "What gloves do to a touch screen", "Results on one page"),
    ],
    &[
        spent(270, "Feed from the timetable system", "First departures on my screen"),
        spent(60, "Ask Halden for a test account", "Got it"),
    ],
    &[
        spent(210, "A first list of 120 projects", "With Eleanor on the phone, drawer by drawer"),
        unpaid(90, "Get one backup back", "Looked for the password"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(240, "Scan the plan chests", "Drawers 1 to 3"),
        spent(90, "A first list of 120 projects", "118"),
    ],
    &[
        spent(300, "Scan the plan chests", "Drawers 4 to 6"),
        unpaid(60, "Concept for “City of Paper”", "Walked through it with Paul's plan"),
    ],
    &[
        spent(240, "Feed from the timetable system", "Delays, and answers that are a year old"),
        unpaid(120, "Concept for “City of Paper”", "The visitor carries the light"),
    ],
    &[
        spent(300, "Photograph the model collection", "Forty models, dusted"),
        spent(90, "Faces and number plates out of the recordings", "Tour one, cameras 1 and 2"),
    ],
    &[
        spent(240, "Photograph the model collection", "The other thirty"),
        spent(120, "Faces and number plates out of the recordings", "Helmet camera"),
        unpaid(30, "Get one backup back", "It worked"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(210, "Plan viewer that does not make one wait", "Sheets cut into squares"),
        spent(120, "Mounting drawings for the harbour master", "Bergen and Halden North"),
    ],
    &[
        spent(180, "Plan viewer that does not make one wait", "Wheel and keys"),
        spent(120, "Allergens that the kitchen can change itself", "Watched the kitchen change its mind"),
        spent(75, "Eleven findings, one page each", "One to four"),
    ],
    &[
        spent(150, "Scan the plan chests", "Drawers 7 and 8"),
        spent(150, "Eleven findings, one page each", "Five to eleven"),
        spent(90, "Mounting drawings for the harbour master", "Skarvik"),
    ],
    &[
        spent(210, "Allergens that the kitchen can change itself", "Prints a page"),
        spent(120, "Search that forgives a wrong year", "1974 finds 1973 to 1976"),
        unpaid(60, "Floor plan with the two columns that were not there", ""),
    ],
    &[
        spent(90, "Faces and number plates out of the recordings", "Tour two, cameras 1 and 2"),
        spent(60, "Search that forgives a wrong year", "And typing mistakes in Welsh"),
    ],
];

const AMARA: &[&[Spent]] = &[
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(180, "Files to the printer in Jaén", "Spot colours, and a call about gold"),
        spent(90, "Photograph the bottles", "On set with Jonas"),
    ],
    &[
        spent(120, "Photograph the bottles", "Picked twelve of two hundred"),
        spent(150, "Type that can be read through rain", "Collected signs that work"),
    ],
    &[
        spent(240, "Type that can be read through rain", "Printed nine typefaces at full size"),
        spent(60, "OIL", "Last call with Carmen, who sang"),
    ],
    &[
        spent(180, "Type that can be read through rain", "Hosed down, six readers"),
        unpaid(60, "STU", "Talk at the design school"),
    ],
    &[
        spent(90, "MENU", "First meeting with Declan"),
        spent(210, "Type that can be read through rain", "Sizes settled"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(150, "One project, one record: which fields?", "Looked at how archives do it"),
        spent(120, "Samples of washable paper", "Five mills written to"),
    ],
    &[
        spent(210, "Typeface: printouts of three candidates", "From twenty to eight"),
        unpaid(75, "Newsletter: repair instead of replace", "Found three people who repair"),
    ],
    &[
        spent(240, "Decide how late departures are shown", "Seven ideas, four thrown away"),
        spent(60, "QUAY", "Call with Tuva about what crews announce"),
    ],
    &[
        spent(180, "Typeface: printouts of three candidates", "From eight to three"),
        spent(150, "Grid for lunch, dinner and the terrace", "Counted the dishes of a year"),
    ],
    &[
        spent(210, "Grid for lunch, dinner and the terrace", "Three sizes, one grid"),
        unpaid(60, "The printer prints brown where it should be black", "On the phone, mostly with music"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(180, "Texts for the first twenty projects", "One to three"),
        spent(90, "Samples of washable paper", "Dishwasher"),
    ],
    &[
        spent(240, "Four languages on one line", "Every word that can appear"),
        spent(90, "Texts for the first twenty projects", "Four and five"),
    ],
    &[
        spent(150, "Front page: one building, no carousel", "Tried it with six buildings"),
        spent(180, "Photograph the model collection", "Held the reflector"),
    ],
    &[
        spent(120, "Photograph the model collection", "Picked the pictures"),
        spent(180, "Texts for the first twenty projects", "Six to eight"),
        unpaid(45, "What we do, in one sentence", "Drafts 1 to 6"),
    ],
    &[
        spent(150, "Typeface: printouts of three candidates", "Printed on tracing paper"),
        spent(120, "Grid for lunch, dinner and the terrace", "Declan's corrections"),
    ],
    &[
        unpaid(45, "STU", "Plan of the week"),
        spent(180, "Binding that opens flat with one hand", "Four dummies, one survived"),
        spent(120, "Four languages on one line", "Checked by Tuva"),
    ],
    &[
        spent(150, "Decide how late departures are shown", "Three versions on the wall at 140 mm"),
        spent(120, "Texts for the first twenty projects", "Nine and ten"),
        unpaid(90, "Newsletter: repair instead of replace", "Talked to a woman who repairs accordions"),
    ],
    &[
        spent(210, "Front page: one building, no carousel", "The smallest building, very large"),
        spent(75, "Typeface: printouts of three candidates", "With Eleanor at the window"),
    ],
    &[
        spent(120, "Room directory: the English text", "Read aloud"),
        spent(120, "Binding that opens flat with one hand", "Offer from the bindery"),
        unpaid(90, "Newsletter: repair instead of replace", "Wrote it"),
    ],
    &[
        spent(120, "Four languages on one line", "German is too long, as always"),
        spent(60, "Front page: one building, no carousel", "Picture for the phone"),
    ],
];
