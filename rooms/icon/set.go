package icon

import (
	"maps"
	"slices"

	"golang.org/x/exp/shiny/iconvg"
	"golang.org/x/exp/shiny/materialdesign/icons"
)

// set is the icons, in IconVG, by the names that clients know them by. A name stays:
// channels have it in their state.
var set = map[string][]byte{
	"announcement": icons.ActionAnnouncement,
	"attention":    icons.NotificationPriorityHigh,
	"bank":         icons.ActionAccountBalance,
	"beach":        icons.PlacesBeachAccess,
	"bell":         icons.SocialNotifications,
	"bolt":         icons.ImageFlashOn,
	"book":         icons.ActionBook,
	"bug":          icons.ActionBugReport,
	"building":     icons.CommunicationBusiness,
	"cake":         icons.SocialCake,
	"calendar":     icons.ActionEvent,
	"camera":       icons.ImagePhotoCamera,
	"card":         icons.ActionCreditCard,
	"cart":         icons.ActionShoppingCart,
	"chart":        icons.EditorShowChart,
	"chat":         icons.CommunicationChat,
	"code":         icons.ActionCode,
	"coffee":       icons.MapsLocalCafe,
	"computer":     icons.HardwareComputer,
	"document":     icons.EditorInsertDriveFile,
	"fitness":      icons.PlacesFitnessCenter,
	"flag":         icons.ContentFlag,
	"folder":       icons.FileFolder,
	"gavel":        icons.ActionGavel,
	"globe":        icons.SocialPublic,
	"hash":         hash(),
	"headset":      icons.HardwareHeadset,
	"health":       icons.MapsLocalHospital,
	"heart":        icons.ActionFavorite,
	"help":         icons.ActionHelp,
	"home":         icons.ActionHome,
	"idea":         icons.ActionLightbulbOutline,
	"key":          icons.CommunicationVPNKey,
	"label":        icons.ActionLabel,
	"lock":         icons.ActionLock,
	"mail":         icons.CommunicationEmail,
	"microphone":   icons.AVMic,
	"money":        icons.EditorAttachMoney,
	"movie":        icons.AVMovie,
	"music":        icons.ImageMusicNote,
	"offer":        icons.MapsLocalOffer,
	"palette":      icons.ImagePalette,
	"paw":          icons.ActionPets,
	"people":       icons.SocialPeople,
	"phone":        icons.CommunicationCall,
	"plane":        icons.MapsFlight,
	"poll":         icons.SocialPoll,
	"question":     icons.ActionQuestionAnswer,
	"receipt":      icons.ActionReceipt,
	"restaurant":   icons.MapsRestaurant,
	"school":       icons.SocialSchool,
	"security":     icons.HardwareSecurity,
	"send":         icons.ContentSend,
	"settings":     icons.ActionSettings,
	"shipping":     icons.MapsLocalShipping,
	"smile":        icons.ImageTagFaces,
	"star":         icons.ActionGrade,
	"store":        icons.ActionStore,
	"tasks":        icons.ActionAssignment,
	"thumbs-up":    icons.ActionThumbUp,
	"tools":        icons.ActionBuild,
	"trend":        icons.ActionTrendingUp,
	"verified":     icons.ActionVerifiedUser,
	"work":         icons.ActionWork,
}

// Names lists the icons in the order of the alphabet.
func Names() []string { return slices.Sorted(maps.Keys(set)) }

// Known tells whether there is an icon of this name.
func Known(name string) bool { return set[name] != nil }

// hash paints a #, which the others do not have, on the grid of theirs.
func hash() []byte {
	var e iconvg.Encoder
	e.Reset(iconvg.Metadata{
		ViewBox: iconvg.Rectangle{Min: [2]float32{-24, -24}, Max: [2]float32{24, 24}}, Palette: iconvg.DefaultPalette,
	})
	bar := func(corners ...[2]float32) {
		e.StartPath(0, corners[0][0], corners[0][1])
		for _, c := range corners[1:] {
			e.AbsLineTo(c[0], c[1])
		}
		e.ClosePathEndPath()
	}
	for _, x := range []float32{-9, 5} {
		bar([2]float32{x + 2, -18}, [2]float32{x + 6, -18}, [2]float32{x + 2, 18}, [2]float32{x - 2, 18})
	}
	for _, y := range []float32{-9, 5} {
		bar([2]float32{-17, y}, [2]float32{18, y}, [2]float32{18, y + 4}, [2]float32{-17, y + 4})
	}
	data, err := e.Bytes()
	if err != nil {
		panic("icon: hash: " + err.Error()) // nothing of it comes from outside
	}
	return data
}
