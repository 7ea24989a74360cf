//! What Studio Nord is working on.

use super::data::Who::{Amara, Jonas, Lena, Scribe};
use super::work::Begins::{For, InHouse, Won};
use super::work::{
    Project, Said, Task, blocked, doing, finished, in_review, open, planned, says, standing, ticked, unticked,
};

/// Those that Studio Nord works for, and what to know before calling them.
pub(super) const CLIENTS: &[(&str, &str)] = &[
    ("Halden Ferries", "Ingrid decides, Magnus pays, Tuva knows. Call before the 14:00 departures or after them."),
    ("Kestrel & Vane Architects", "Invoices to Tobias, proofs to Eleanor, and never the other way round."),
    ("Harbourline Hotels", "Declan is in the kitchen from eleven to three and does not hear the phone."),
    ("Rhein Logistik Verbund", "Order number on every page. Frau Dahlmann in copy."),
    ("Olivar del Norte", "Harvest from October to December: nobody reads mail before nine in the evening."),
];

pub(super) const PROJECTS: &[Project] = &[
    Project {
        name: "Labels for the early harvest",
        key: "OIL",
        begins: Won("Labels for the early harvest"),
        description: "Three bottles and a tin. On the shelves before the first oil was cold.",
        owner: Amara,
        members: &[Lena, Jonas],
        closed: false,
        extra_column: None,
        archived: true,
        tasks: OIL,
    },
    Project {
        name: "Timetable screens",
        key: "QUAY",
        begins: Won("Timetable screens for the quays"),
        description: "Four screens on four quays, readable in rain, from a car, at six in the morning.\n\n\
             **Done means:** nobody asks the crew when the next ferry leaves.",
        owner: Amara,
        members: &[Lena, Jonas],
        closed: false,
        extra_column: Some(("Up next", "TODO")),
        archived: false,
        tasks: QUAY,
    },
    Project {
        name: "Portfolio and archive",
        key: "ARC",
        begins: Won("Portfolio site and project archive"),
        description: "The archive is the project, the portfolio is its front door: 120 buildings at launch, and the studio adds the rest itself.",
        owner: Jonas,
        members: &[Lena, Amara],
        closed: false,
        extra_column: None,
        archived: false,
        tasks: ARC,
    },
    Project {
        name: "Menu and room directory",
        key: "MENU",
        begins: Won("Menu and room directory"),
        description: "Menus that survive a wet terrace, and room folders in four languages.",
        owner: Amara,
        members: &[Lena, Jonas],
        closed: false,
        extra_column: None,
        archived: false,
        tasks: MENU,
    },
    Project {
        name: "Night tours",
        key: "NIGHT",
        begins: For("Rhein Logistik Verbund"),
        description: "A field study, ordered and paid before the driver app itself. Drivers can be recognised in the recordings: only Lena and Jonas see this project, and nothing leaves it unblurred.",
        owner: Lena,
        members: &[Jonas],
        closed: true,
        extra_column: None,
        archived: false,
        tasks: NIGHT,
    },
    Project {
        name: "Studio",
        key: "STU",
        begins: InHouse,
        description: "Everything that nobody pays for and that has to be done all the same.",
        owner: Lena,
        members: &[Jonas, Amara],
        closed: false,
        extra_column: None,
        archived: false,
        tasks: STU,
    },
];

const OIL: &[Task] = &[
    finished("Three directions: tree, hand, tablecloth", Amara).due(-48).hours(16).labels(&["design"]),
    finished("Redraw the tablecloth", Amara)
        .due(-40)
        .hours(12)
        .labels(&["design"])
        .text("The olive on the left was a wine stain. It stays."),
    finished("Paper that survives oil", Jonas).due(-38).hours(4).labels(&["print"]).said(&[
        says(Jonas, "Laid five papers in oil overnight. Two became windows. The cotton one did not care."),
        says(Amara, "Then cotton it is. It also feels most like the tablecloth."),
    ]),
    finished("Legal texts for the back", Lena).due(-36).hours(3).todos(&[
        ticked("Origin and harvest year"),
        ticked("Acidity, as the laboratory writes it"),
        ticked("Recycling signs for Spain and France"),
    ]),
    finished("Proofs, rounds one to three", Amara).due(-31).hours(9).labels(&["print"]),
    finished("Files to the printer in Jaén", Amara).due(-27).hours(2).labels(&["print"]),
    finished("Photograph the bottles", Jonas).with(&[Amara]).due(-18).hours(8).labels(&["photo"]),
    open("Neck label in gold").minor().text("Carmen: “My grandmother would rise from her grave.”").dropped(),
];

const QUAY: &[Task] = &[
    finished("Measure the sightlines on all four quays", Jonas)
        .due(-20)
        .hours(8)
        .labels(&["research"])
        .text(
            "From where do people have to read it? Measured at eye height, in metres.\n\n\
             | Quay | on foot | first car | last car |\n\
             |---|---|---|---|\n\
             | Bergen | 14 | 22 | 71 |\n\
             | Halden North | 9 | 18 | 64 |\n\
             | Skarvik | 12 | 25 | 58 |\n\
             | Lyngøy | 7 | 11 | 23 |\n\n\
             The last car in Bergen cannot be served by a screen. It gets a sign with a telephone number instead.",
        )
        .todos(&[ticked("Bergen"), ticked("Halden North"), ticked("Skarvik"), ticked("Lyngøy")]),
    finished("Type that can be read through rain", Amara)
        .urgent()
        .due(-9)
        .hours(14)
        .labels(&["design"])
        .text(
            "Printed at full size, hung up outside, hosed down, read from 25 metres by six people without glasses.\n\n\
             * Departure time: **140 mm**, medium, open figures\n\
             * Destination: **95 mm**\n\
             * Everything else is decoration and goes",
        )
        .said(&[
            says(Jonas, "Hosed. The 1 and the 7 are twins below 120 mm."),
            says(Amara, "Then nothing below 140 that has a 1 or a 7 in it, which is to say: no time of day."),
        ]),
    finished("Order four displays", Lena).due(-6).hours(2).labels(&["hardware"]).said(&[says(
        Lena,
        "Ordered. Ten weeks for the fourth one, because nobody else needs one that is two metres wide.",
    )]),
    in_review("Decide how late departures are shown", Amara)
        .with(&[Lena])
        .urgent()
        .due(0)
        .hours(6)
        .labels(&["design", "decision"])
        .text(
            "When a ferry is late, people want to know one thing: stay in the car or get a coffee.\n\n\
             1. **Old time crossed out, new one beside it.** Honest, and unreadable from the third row.\n\
             2. **Only the new time, on yellow.** Quick. Who knows the timetable by heart believes in a mistake.\n\
             3. **“12 min late” under the time.** Takes the line of the second departure.\n\n\
             Amara is for 2, with the word *new* in front.",
        ),
    doing("Feed from the timetable system", Jonas)
        .urgent()
        .due(3)
        .from(-8)
        .hours(24)
        .labels(&["data"])
        .text(
            "Halden's system answers with XML, once a minute, and with last year's date when it is unwell.\n\n\
             ```\n\
             <dep line=\"3\" quay=\"BRG\" t=\"06:40\" d=\"+4\"/>\n\
             ```\n\n\
             `d` is the delay in minutes. It is missing when the ferry is on time, and also when nobody knows.",
        )
        .todos(&[
            ticked("Read departures for one quay"),
            ticked("Delays, and the difference between none and unknown"),
            ticked("Notice an answer that is a year old"),
            unticked("Cancelled departures"),
            unticked("Run for a week beside the old board and compare"),
        ])
        .parts(&[
            finished("Ask Halden for a test account", Jonas).due(-13),
            planned("Fall back to the printed timetable when the feed is silent", Jonas)
                .due(6)
                .hours(5)
                .labels(&["data"]),
        ])
        .said(&[
            says(
                Jonas,
                "The feed said nothing between 02:10 and 05:00. Broken, or asleep? @Lena Brandt, could you ask Tuva?",
            ),
            says(Lena, "Asleep. The server is switched off at night to save power. They are proud of it."),
            says(Jonas, "Fine. Then the screens sleep too, and wake ten minutes before the first departure."),
        ]),
    doing("Four languages on one line", Amara)
        .due(2)
        .hours(8)
        .labels(&["design", "content"])
        .text("Norwegian always. English always. German and Dutch from May to September, in turns of eight seconds.")
        .todos(&[
            ticked("List every word that can appear"),
            ticked("Norwegian and English, checked by Tuva"),
            unticked("German"),
            unticked("Dutch"),
        ])
        .said(&[
            says(Lena, "Does “cancelled” fit in German?"),
            says(Amara, "“Fährt nicht” fits. “Fällt aus” fits better and frightens people on a pier."),
        ]),
    blocked("Salt spray certificate for the housings", Lena)
        .urgent()
        .due(-2)
        .labels(&["hardware"])
        .text("The harbour master signs nothing without it. The supplier has promised it since the week of the order.")
        .said(&[
            says(Lena, "Third reminder. They have the certificate, for another housing."),
            says(
                Jonas,
                "Could we take that other housing? It is four centimetres deeper, and I have the drawings open anyway.",
            ),
        ]),
    in_review("Mounting drawings for the harbour master", Jonas)
        .with(&[Amara])
        .due(1)
        .hours(10)
        .labels(&["hardware"])
        .todos(&[
            ticked("Bergen, on the old crane foot"),
            ticked("Halden North, on the waiting room"),
            ticked("Skarvik, on a post of its own"),
            unticked("Lyngøy: ask whether the rock may be drilled"),
        ]),
    standing("Night mode after sunset", "Up next", Jonas).due(8).hours(6).labels(&["design"]),
    standing("Instructions for whoever cleans them", "Up next", Amara).minor().due(11).hours(2).labels(&["content"]),
    planned("First screen on the quay in Bergen", Lena)
        .with(&[Jonas])
        .urgent()
        .from(10)
        .due(12)
        .hours(16)
        .labels(&["hardware"])
        .after(&[
            "Feed from the timetable system",
            "Salt spray certificate for the housings",
            "Mounting drawings for the harbour master",
        ]),
    planned("Watch passengers for one morning", Jonas)
        .due(16)
        .hours(5)
        .labels(&["research"])
        .after(&["First screen on the quay in Bergen"])
        .text("Same place, same hour as the first visit: do they still look at the sky?"),
    planned("Hand over to Tuva's team", Lena).due(24).hours(4).after(&["Watch passengers for one morning"]),
    open("Sound for departures: yes or no?").minor().labels(&["decision"]).text(
        "A gong would help people who do not see the screen. The neighbours in Skarvik would rather not be helped.",
    ),
];

const ARC: &[Task] = &[
    finished("Get everything out of the old website", Jonas).due(-17).hours(6).labels(&["data"]),
    finished("One project, one record: which fields?", Jonas)
        .with(&[Amara])
        .urgent()
        .due(-14)
        .hours(7)
        .labels(&["data", "decision"])
        .text(
            "Agreed with Eleanor at the plan chests:\n\n\
             * name, place, **years from and to** (a building is rarely one year)\n\
             * who drew it, who built it, who may show it\n\
             * drawings, models, photographs, each with a drawer number\n\
             * built, not built, or gone\n\n\
             Not wanted: categories. “A school is a house for children.”",
        ),
    finished("A first list of 120 projects", Jonas)
        .due(-10)
        .hours(9)
        .labels(&["content"])
        .said(&[says(Jonas, "118 so far. Eleanor will not say which two are missing, only that we will know.")]),
    finished("Photograph the model collection", Jonas).with(&[Amara]).due(-5).hours(14).labels(&["photo"]),
    doing("Scan the plan chests", Jonas)
        .from(-12)
        .due(6)
        .hours(30)
        .labels(&["content"])
        .text("Drawers 1 to 12. Tracing paper is scanned face up under glass, with nobody breathing on it.")
        .todos(&[
            ticked("Drawers 1 to 3"),
            ticked("Drawers 4 to 6"),
            ticked("Drawers 7 and 8"),
            unticked("Drawer 9 (the lock)"),
            unticked("Drawers 10 to 12"),
        ])
        .said(&[
            says(Jonas, "Drawer 9 is locked, and Eleanor's father had the key."),
            says(Lena, "Ask Tobias for a locksmith he trusts. We do not own a crowbar, and let us keep it that way."),
        ])
        .parts(&[
            in_review("Name the scans so that Tobias finds them again", Jonas).due(1).hours(3).labels(&["data"]),
            planned("A second copy on the studio's own disks", Jonas).minor().due(9).hours(2),
        ]),
    in_review("Typeface: printouts of three candidates", Amara).urgent().due(-1).hours(6).labels(&["design"]).text(
        "Each on the paper that their drawings are on, at the sizes of the site, with *their* words: no lorem, no fox.",
    ),
    doing("Plan viewer that does not make one wait", Jonas)
        .urgent()
        .due(5)
        .hours(20)
        .labels(&["build"])
        .text(
            "The largest sheet is 2.4 metres long: 31,000 pixels, 900 MB.\n\n\
             * cut into squares when it is uploaded, not when somebody looks\n\
             * first something blurred at once, then what is in view\n\
             * two fingers on a phone, wheel and keys elsewhere\n\n\
             **Goal:** the first sharp square within a second on a train.",
        )
        .todos(&[
            ticked("Cut a sheet into squares"),
            ticked("Zoom with wheel and keys"),
            unticked("Zoom with two fingers"),
            unticked("Try it on the train to Bath"),
        ])
        .said(&[
            says(Jonas, "0.7 s to the first sharp square from my desk, 2.9 s on the train. The tunnel does not count."),
            says(Amara, "Show the drawing's name and year while it loads. Then nobody waits, they read."),
        ]),
    doing("Search that forgives a wrong year", Jonas).due(4).hours(8).labels(&["build"]),
    doing("Texts for the first twenty projects", Amara)
        .due(2)
        .hours(18)
        .labels(&["content"])
        .text(
            "Sixty words each. What was there before, what was hard, who lives in it now. No “dialogue”, no “gesture”.",
        )
        .todos(&[
            ticked("One to five"),
            ticked("Six to ten"),
            unticked("Eleven to fifteen"),
            unticked("Sixteen to twenty"),
        ]),
    in_review("Front page: one building, no carousel", Amara).with(&[Jonas]).due(0).hours(8).labels(&["design"]),
    blocked("Who may show what", Lena)
        .urgent()
        .due(-3)
        .labels(&["legal"])
        .text(
            "Nineteen buildings were drawn with other offices. Without their consent the drawings stay in the drawer.",
        )
        .todos(&[
            ticked("Letter, agreed with Eleanor"),
            ticked("Sent to seven offices"),
            unticked("Five consents"),
            unticked("Find the heirs of Holloway & Sons"),
        ])
        .said(&[says(
            Lena,
            "Five of seven have answered, three of them with yes. One wants to see the typeface first.",
        )]),
    planned("The studio adds a project without us", Jonas)
        .due(13)
        .hours(12)
        .labels(&["build"])
        .after(&["One project, one record: which fields?", "Name the scans so that Tobias finds them again"]),
    planned("What does a plan say to someone who cannot see it?", Amara).minor().hours(5).labels(&["content"]),
    planned("Old addresses lead to the new pages", Jonas)
        .minor()
        .due(19)
        .hours(3)
        .labels(&["build"])
        .after(&["Get everything out of the old website"]),
    planned("An afternoon with Tobias", Jonas)
        .due(21)
        .hours(4)
        .after(&["The studio adds a project without us"])
        .text("He adds three projects, we sit on our hands. Whatever makes us reach for the mouse becomes a task."),
    planned("Opening evening at the studio", Lena).due(27).hours(6),
];

const MENU: &[Task] = &[
    finished("Samples of washable paper", Amara).due(-8).hours(3).labels(&["print"]).said(&[
        says(Amara, "Dishwasher, sixty degrees, twice: the stone paper came out cleaner than it went in."),
        says(Lena, "And what does it cost?"),
        says(Amara, "A third more than card, and they throw away a set of cards every two weeks. Declan did the sum on a napkin."),
    ]),
    finished("Grid for lunch, dinner and the terrace", Amara).due(-4).hours(7).labels(&["design"]),
    in_review("Room directory: the English text", Lena)
        .with(&[Amara])
        .due(0)
        .hours(6)
        .labels(&["content"])
        .text("From 34 pages to 12. What stays: breakfast, the wireless network, the boat, the doctor, how to open the window."),
    doing("Translations", Lena)
        .due(4)
        .hours(9)
        .labels(&["content"])
        .parts(&[
            finished("Irish", Lena).due(-1).text("By Declan's aunt, who corrected the English as well."),
            doing("French", Lena).due(2),
            planned("German", Jonas).due(4),
        ]),
    doing("Allergens that the kitchen can change itself", Jonas)
        .urgent()
        .due(1)
        .hours(10)
        .labels(&["build"])
        .text(
            "The fourteen of the regulation, as letters behind each dish. The kitchen changes a dish at eleven and prints at half past.\n\n\
             - no program to install\n\
             - nothing to misspell: letters are ticked, not typed\n\
             - the printed page says **when** it was printed",
        )
        .todos(&[
            ticked("The fourteen, with Declan's abbreviations"),
            ticked("Print one page from a table"),
            unticked("A warning when a dish has no letters at all"),
        ]),
    in_review("Binding that opens flat with one hand", Amara).due(3).hours(4).labels(&["print"]),
    planned("Wine list as a loose sheet", Amara).minor().hours(3).labels(&["design"]),
    planned("Proof for the printer", Amara)
        .urgent()
        .due(9)
        .hours(5)
        .labels(&["print"])
        .after(&["Room directory: the English text", "Translations", "Binding that opens flat with one hand"]),
    planned("Drive it to Galway", Lena).due(18).after(&["Proof for the printer"]),
];

const NIGHT: &[Task] = &[
    finished("Field notes from both tours", Jonas).due(-24).hours(10).labels(&["research"]).text(
        "Two nights, eleven stops, one puncture.\n\n\
         > “I only take the glove off for the signature. My thumb has known the rest for years.”\n\n\
         Most keep a paper list. It is never wrong, never empty, and it survives coffee.",
    ),
    finished("What gloves do to a touch screen", Jonas).due(-11).hours(6).labels(&["research"]),
    doing("Faces and number plates out of the recordings", Jonas)
        .urgent()
        .due(1)
        .hours(12)
        .labels(&["data protection"])
        .todos(&[
            ticked("Tour one, cameras 1 and 2"),
            ticked("Tour one, helmet camera"),
            ticked("Tour two, cameras 1 and 2"),
            unticked("Tour two, helmet camera"),
            unticked("Somebody who has not seen them watches everything once"),
        ]),
    doing("Eleven findings, one page each", Jonas)
        .with(&[Lena])
        .due(3)
        .hours(14)
        .labels(&["research"])
        .text("A sentence, a picture, a number. Who reads only the sentences must come to the same conclusion.")
        .said(&[
            says(Lena, "Finding 4 and finding 9 are the same one, @Jonas Ekdahl: they do not trust the route."),
            says(
                Jonas,
                "One is about the map and one about the boss. But yes, on paper they look alike. Ten findings.",
            ),
        ]),
    in_review("Letter to the works council", Lena).urgent().due(0).hours(3).labels(&["legal"]).said(&[says(
        Jonas,
        "Say in the first line that nobody is measured. It is in the fourth paragraph now, and nobody gets there.",
    )]),
    blocked("Consent of all five drivers", Lena)
        .due(-2)
        .labels(&["data protection"])
        .text("Four have signed. The fifth is on holiday until Monday, without a telephone, as it should be."),
    planned("Two drivers for the design team", Lena)
        .due(7)
        .after(&["Letter to the works council"])
        .text("Emre suggests the one who complains most and the one who never says anything."),
    planned("Show it to Klaus Pfeiffer", Lena)
        .with(&[Jonas])
        .urgent()
        .due(10)
        .hours(5)
        .after(&["Eleven findings, one page each", "Faces and number plates out of the recordings"]),
    planned("A night with a cardboard prototype", Jonas).minor().due(20).hours(8).labels(&["research"]),
];

const STU: &[Task] = &[
    finished("Invoices for last month", Lena).due(-7).hours(3).labels(&["office"]),
    doing("Concept for “City of Paper”", Jonas)
        .with(&[Lena])
        .urgent()
        .from(-9)
        .due(16)
        .hours(40)
        .labels(&["pitch"])
        .text(
            "For the jury of the Stadtmuseum. 4,000 paper theatres, posters and tickets, 50 lux, two columns in the wrong place.\n\n\
             **The idea so far:** the visitor carries the light. Cases stay dark until somebody stands in front of them.\n\n\
             Not to forget: three offers, everything in writing, invoice before the first of December.",
        )
        .parts(&[
            doing("Floor plan with the two columns that were not there", Jonas).due(4).hours(6),
            planned("What 50 lux feels like", Amara)
                .due(7)
                .hours(3)
                .text("A dark room, one lamp, a meter, and six train tickets from the flea market."),
            planned("Price it, honestly", Lena).due(12).hours(4),
        ]),
    doing("What we do, in one sentence", Amara)
        .with(&[Lena, Jonas])
        .due(5)
        .labels(&["website"])
        .text("For the top of our own page. Nineteen drafts on the wall. Nobody is allowed to say *holistic*.")
        .said(&[
            says(Jonas, "“We make things that people need to find their way.” Too much signage?"),
            says(Amara, "Too much signage. “We clear things up”?"),
            says(Lena, "That is a cleaning company. But keep it on the wall."),
        ]),
    doing("Newsletter: repair instead of replace", Amara).due(2).hours(4).labels(&["website", "content"]),
    in_review("Get one backup back", Jonas)
        .urgent()
        .due(-4)
        .hours(2)
        .labels(&["office"])
        .text("We make them every night. Has anybody ever opened one?")
        .todos(&[
            ticked("Pick a project that nobody needs this week"),
            ticked("Get it back onto another machine"),
            unticked("Write down how, on paper, and hang it beside the door"),
        ])
        .said(&[says(
            Jonas,
            "It worked, after two hours, because the password was in the backup. @Lena Brandt, may it go into the safe?",
        )]),
    planned("Travel costs of last month", Jonas).due(-6).labels(&["office"]),
    planned("Choose between two interns", Lena)
        .with(&[Amara])
        .due(1)
        .hours(2)
        .labels(&["people"])
        .text("Both can draw. One asks questions, the other already answers them. We have one desk."),
    planned("Second desk by the window", Jonas).minor().labels(&["office"]),
    blocked("The printer prints brown where it should be black", Amara).minor().due(9).labels(&["office"]).said(&[
        says(Amara, "The technician came, printed a page, called it warm, and left."),
    ]),
    in_review("Notes by Scribe: keep it or stop it?", Lena)
        .due(3)
        .labels(&["people"])
        .text("Four weeks on trial. It listens to nothing; it gets our rough notes and tidies them up.")
        .said(&[
            says(
                Scribe,
                "**Meetings of the last four weeks:** 14 notes tidied up, 9 turned into activities, 3 sent back because two people had noted opposite things.",
            ),
            says(Amara, "The three it sent back were the useful ones."),
        ]),
    planned("Show museums what we can do", Lena).with(&[Jonas]).due(11).hours(8).labels(&["website"]),
    planned("Case study: the timetable screens", Amara).minor().due(30).hours(6).labels(&["website"]),
];

/// What was said last, and is not read yet: under a task's title.
pub(super) const NEWS: &[(&str, Said)] = &[
    (
        "Decide how late departures are shown",
        says(
            Scribe,
            "**Call with Tuva, this morning**\n\n\
             - Crews announce delays of five minutes and more; below that nobody should see yellow.\n\
             - The word *new* is understood in all four languages. *Late* is not.\n\
             - Open: what is shown when a departure is cancelled? @Amara Okafor",
        ),
    ),
    (
        "Decide how late departures are shown",
        says(
            Amara,
            "Cancelled: the whole line in yellow, and the next departure in large. @Lena Brandt, is that within the offer?",
        ),
    ),
    (
        "Decide how late departures are shown",
        says(Lena, "It is. Let us call it decided when @Jonas Ekdahl says that the feed knows about it."),
    ),
    (
        "Salt spray certificate for the housings",
        says(
            Lena,
            "Asked for the deeper one: same price, and the certificate is there. @Jonas Ekdahl, do the drawings for Skarvik still hold?",
        ),
    ),
    (
        "Typeface: printouts of three candidates",
        says(
            Amara,
            "Eleanor held all three against the window and said: the second one, but the figures of the third. @Jonas Ekdahl, can we mix them?",
        ),
    ),
    (
        "Typeface: printouts of three candidates",
        says(Jonas, "Technically yes. As a person who has to look at it: also yes. @Lena Brandt, two licences then."),
    ),
    (
        "Allergens that the kitchen can change itself",
        says(
            Jonas,
            "Declan's cook ticked celery for ice cream to see what happens. It printed. @Amara Okafor, do we warn, or is that art?",
        ),
    ),
    (
        "Room directory: the English text",
        says(
            Amara,
            "Read it aloud on the train; only “ablutions” made somebody turn round. @Lena Brandt, one word to go.",
        ),
    ),
    (
        "Front page: one building, no carousel",
        says(
            Jonas,
            "Which building on the first day? Eleanor says the smallest. @Amara Okafor, does the picture hold at that size?",
        ),
    ),
    (
        "Faces and number plates out of the recordings",
        says(
            Jonas,
            "Minute 41 of the helmet camera: a mirror. @Lena Brandt, could you be the one who has not seen them?",
        ),
    ),
];

/// Follow-ups that became tasks, and in which project.
pub(super) const BECAME_TASKS: &[(&str, &str)] =
    &[("Draft the care plan on one page", "ARC"), ("Block two designers for the kick-off in Bergen", "STU")];
